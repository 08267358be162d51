// The calls that move bytes. Those of the C library are cancellation points, which costs a process with several threads
// forty instructions each, and nobody cancels ours: these go to the kernel themselves. Sanitizers watch the C library's,
// so that builds for them use those.
#pragma once
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstddef>

namespace culvert::net {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(SYS_recvfrom)
inline ssize_t receive(int fd, void* to, std::size_t size) { return recv(fd, to, size, 0); }
inline ssize_t peek(int fd, void* to, std::size_t size) { return recv(fd, to, size, MSG_PEEK); }
inline ssize_t send_one(int fd, const iovec& part) { return send(fd, part.iov_base, part.iov_len, MSG_NOSIGNAL); }
inline ssize_t send_list(int fd, const msghdr& list) { return sendmsg(fd, &list, MSG_NOSIGNAL); }
#else
inline ssize_t receive(int fd, void* to, std::size_t size) {
  return syscall(SYS_recvfrom, fd, to, size, 0, nullptr, nullptr);
}
inline ssize_t peek(int fd, void* to, std::size_t size) {
  return syscall(SYS_recvfrom, fd, to, size, MSG_PEEK, nullptr, nullptr);
}
inline ssize_t send_one(int fd, const iovec& part) {
  return syscall(SYS_sendto, fd, part.iov_base, part.iov_len, MSG_NOSIGNAL, nullptr, 0);
}
inline ssize_t send_list(int fd, const msghdr& list) { return syscall(SYS_sendmsg, fd, &list, MSG_NOSIGNAL); }
#endif

}  // namespace culvert::net
