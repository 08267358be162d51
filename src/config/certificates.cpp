#include "config/certificates.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <string>

#include "base/certificate.hpp"
#include "config/secret.hpp"

namespace culvert::config {

namespace {

using std::chrono::system_clock;

Node* child(Node& table, std::string_view key) {
  const auto found = std::ranges::find(table.entries, key, &Entry::key);
  return found == table.entries.end() ? nullptr : &found->value;
}

std::string date_of(system_clock::time_point when) {
  const std::time_t seconds = system_clock::to_time_t(when);
  std::tm calendar{};
  gmtime_r(&seconds, &calendar);
  char text[16];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d", &calendar)};
}

class CertificateReader {
 public:
  explicit CertificateReader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  // A table with both keys; `name` as the operator has it.
  void read(Node& table, const Span& at, const std::string& name) {
    Node* const certificate = child(table, "certificate");
    Node* const key = child(table, "key");
    if (certificate == nullptr) return report_missing(at, name, "certificate");
    if (key == nullptr) return report_missing(at, name, "key");
    if (!certificate->is_text()) return;
    const Node written = *certificate;
    const std::string key_title = title_of(*key);
    if (!put_text(*certificate, read_file(written)) || !put_text(*key, read_key(*key))) return;
    if (const std::string wrong = check_key(key->text); !wrong.empty()) {
      return report(key->at, {"bad-key", key_title + ": " + wrong, "", ""});
    }
    judge({.certificate = certificate->text, .key = key->text}, written);
  }

 private:
  static Parsed<std::string> read_file(const Node& path) { return read_text_file(resolved(path.text, path)); }
  // Where other secrets have the text itself, a key has the path: nobody writes a key into a configuration.
  static Parsed<std::string> read_key(const Node& value) { return value.is_text() ? read_file(value) : read_secret(value); }

  static std::string title_of(const Node& key) {
    if (key.is_text()) return in_quotes(key.text);
    return key.entries.empty() ? "the key" : in_quotes(key.entries.front().value.text);
  }

  bool put_text(Node& value, const Parsed<std::string>& text) {
    if (!text) return report(value.at, *text.wrong()), false;
    value = Node{.kind = Node::Kind::string, .at = value.at, .text = *text, .items = {}, .entries = {}};
    return true;
  }

  void judge(const PemPair& pair, const Node& path) {
    CertificateFacts facts;
    const std::string file = in_quotes(path.text);
    if (const std::string wrong = read_pair(pair, facts); !wrong.empty()) {
      return report(path.at, {"bad-certificate", file + ": " + wrong, "", ""});
    }
    const auto now = system_clock::now();
    if (facts.not_after <= now) return warn(path.at, file + " ended on " + date_of(facts.not_after));
    if (facts.not_before > now) return warn(path.at, file + " is not valid before " + date_of(facts.not_before));
    if (facts.not_after - now < std::chrono::days(days_before_end)) {
      warn(path.at, file + " ends on " + date_of(facts.not_after));
    }
  }

  void report_missing(const Span& at, const std::string& name, const std::string& key) {
    diagnostics_.push_back(error_at(at, "missing-key", name + " has no " + in_quotes(key)));
  }
  void report(const Span& at, const Wrong& wrong) {
    diagnostics_.push_back(error_at(at, wrong.code, wrong.text, wrong.label, wrong.help));
  }
  void warn(const Span& at, const std::string& text) {
    diagnostics_.push_back(warning_at(at, "certificate-time", "the certificate in " + text));
  }

  Diagnostics& diagnostics_;
};

}  // namespace

void read_certificates(Node& root, Diagnostics& diagnostics) {
  CertificateReader reader(diagnostics);
  Node* const tables = child(root, "tls");
  if (tables == nullptr) return;
  for (Entry& entry : tables->entries) {
    if (entry.value.kind != Node::Kind::table) continue;
    Node* const certificates = child(entry.value, "certificate");
    if (certificates == nullptr || certificates->kind != Node::Kind::list) {
      reader.read(entry.value, entry.at, "[tls." + entry.key + "]");
      continue;
    }
    for (Node& item : certificates->items) {
      // What it has not the schema's check has said.
      if (child(item, "certificate") != nullptr && child(item, "key") != nullptr) reader.read(item, item.at, {});
    }
  }
}

}  // namespace culvert::config
