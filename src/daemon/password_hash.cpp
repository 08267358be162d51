#include "daemon/password_hash.hpp"

#include <crypt.h>

#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/digest.hpp"
#include "base/last_error.hpp"

namespace culvert::daemon {

namespace {

constexpr const char* yescrypt = "$y$";

// What crypt(3) works with: something of the password is left in it.
class Workspace {
 public:
  Workspace() = default;
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ~Workspace() {
    if (data_ == nullptr) return;
    explicit_bzero(data_, static_cast<std::size_t>(size_));
    std::free(data_);
  }
  const char* hash(const std::string& password, const char* setting) {
    return crypt_ra(password.c_str(), setting, &data_, &size_);
  }

 private:
  void* data_ = nullptr;
  int size_ = 0;
};

}  // namespace

Result<std::string> make_hash(const std::string& password, unsigned cost) {
  const std::unique_ptr<char, void (*)(void*)> setting(crypt_gensalt_ra(yescrypt, cost, nullptr, 0), std::free);
  if (setting == nullptr) return last_error();
  Workspace workspace;
  const char* const hash = workspace.hash(password, setting.get());
  if (hash == nullptr) return last_error();
  return std::string(hash);
}

Result<bool> has_hash(const std::string& password, const std::string& hash) {
  Workspace workspace;
  const char* const found = workspace.hash(password, hash.c_str());
  if (found == nullptr) return last_error();
  return equal_in_constant_time(as_bytes(std::string_view(found)), as_bytes(hash));
}

}  // namespace culvert::daemon
