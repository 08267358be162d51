// Runs a target without libFuzzer: every file of its corpus, then mutations of them that are the same in every run.
//
//   TARGET CORPUS [MUTATIONS]
//
// The inputs run in a child, which may end in whatever way: what it was given last is then saved and named.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "fuzz/target.hpp"

extern "C" int LLVMFuzzerInitialize(int*, char***);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t input_bytes_max = 64 * 1024;

// What the child works on, seen by its parent.
struct Current {
  std::size_t size;
  char bytes[input_bytes_max];
};

std::vector<std::string> read_corpus(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> inputs;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return inputs;
}

class Mutations {
 public:
  explicit Mutations(const std::vector<std::string>& corpus) : corpus_(corpus) {}

  std::string next() {
    std::string text = any();
    for (std::size_t i = below(4) + 1; i > 0; --i) change(text);
    text.resize(std::min(text.size(), input_bytes_max));
    return text;
  }

 private:
  std::size_t below(std::size_t limit) { return random_() % limit; }
  const std::string& any() { return corpus_[below(corpus_.size())]; }
  static constexpr std::array favourites{'\r', '\n', '\t', ' ', ':',    ';',    ',',    '0', '/',
                                         '%',  '[',  ']',  '"', '\x7f', '\x80', '\xff', '\0'};

  void change(std::string& text) {
    const std::size_t at = below(text.size() + 1);
    const std::size_t size = below(std::min<std::size_t>(text.size() - at, 16) + 1);
    switch (below(5)) {
      case 0: text.erase(at, size); break;
      case 1: text.insert(at, 1, favourites[below(favourites.size())]); break;
      case 2: text.insert(at, text.substr(at, size)); break;
      case 3:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        break;
      default: {
        const std::string& other = any();
        text.replace(at, size, other, below(other.size() + 1), below(64));
      }
    }
  }

  const std::vector<std::string>& corpus_;
  std::mt19937 random_{1};
};

void run(const std::string& input, Current& current) {
  current.size = std::min(input.size(), input_bytes_max);
  std::memcpy(current.bytes, input.data(), current.size);
  const auto exact = std::make_unique<std::uint8_t[]>(current.size);  // reading beyond it is an error to ASan
  std::memcpy(exact.get(), input.data(), current.size);
  LLVMFuzzerTestOneInput(exact.get(), current.size);
}

int run_all(const std::vector<std::string>& corpus, int mutations, Current& current) {
  LLVMFuzzerInitialize(nullptr, nullptr);
  for (const std::string& input : corpus) run(input, current);
  Mutations changed(corpus);
  for (int i = 0; i < mutations; ++i) run(changed.next(), current);
  std::printf("%zu files, %d mutations\n", corpus.size(), mutations);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: %s CORPUS [MUTATIONS]\n", argv[0]), 2;
  const std::vector<std::string> corpus = read_corpus(argv[1]);
  if (corpus.empty()) return std::fprintf(stderr, "%s has no files\n", argv[1]), 2;
  void* shared = mmap(nullptr, sizeof(Current), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return std::perror("mmap"), 1;
  auto& current = *static_cast<Current*>(shared);
  const pid_t child = fork();
  if (child == 0) std::exit(run_all(corpus, argc > 2 ? std::atoi(argv[2]) : 0, current));
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return std::perror("fork"), 1;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
  const std::string saved = std::filesystem::path(argv[0]).filename().string() + ".crash";
  std::ofstream(saved, std::ios::binary).write(current.bytes, static_cast<std::streamsize>(current.size));
  std::fprintf(stderr, "failed with the input in %s/%s\n", std::filesystem::current_path().c_str(), saved.c_str());
  return 1;
}
