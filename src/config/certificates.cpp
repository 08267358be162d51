#include "config/certificates.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <string>

#include "base/certificate.hpp"
#include "base/client_auth.hpp"
#include "base/ocsp.hpp"
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
    const std::string key_file = key->is_text() ? resolved(key->text, *key) : file_of_secret(*key);
    if (!put_file(*certificate) || !put_text(*key, read_key(*key), key_file)) return;
    if (const std::string wrong = check_key(key->text); !wrong.empty()) {
      return report(key->at, {"bad-key", key_title + ": " + wrong, "", ""});
    }
    judge({.certificate = certificate->text, .key = key->text}, written);
    Node* const ocsp = child(table, "ocsp");
    if (ocsp != nullptr && ocsp->is_text()) judge_ocsp({.certificate = certificate->text, .key = key->text}, *ocsp);
  }

  // A [tls.NAME].
  void read_client_auth(Node& table) {
    Node* const authorities = child(table, "client_ca");
    if (authorities == nullptr || !read_ca(*authorities)) return;
    ClientAuth auth{.authorities = authorities->text, .revoked = {}};
    Node* const crl = child(table, "client_crl");
    if (crl != nullptr && crl->is_text()) read_client_crl(*crl, auth);
  }

  // A [upstream.NAME.tls], of that `name`.
  void read_upstream(Node& table, const std::string& name) {
    if (Node* const authorities = child(table, "ca")) (void)read_ca(*authorities);
    if (child(table, "certificate") != nullptr || child(table, "key") != nullptr) read(table, table.at, name);
  }

 private:
  // Whether it is there, and right.
  bool read_ca(Node& authorities) {
    if (!authorities.is_text()) return false;
    const Node written = authorities;
    if (!put_file(authorities)) return false;
    ClientAuthFacts facts;
    const std::string wrong = read_authorities({.authorities = authorities.text, .revoked = {}}, facts);
    if (!wrong.empty()) {
      return report(written.at, {"bad-certificate", in_quotes(written.text) + ": " + wrong, "", ""}), false;
    }
    for (const ClientAuthFacts::Dated& each : facts.authorities) {
      judge_time(written, WallTime::min(), each.ends, in_quotes(each.name) + " in " + in_quotes(written.text));
    }
    return true;
  }

  void read_client_crl(Node& crl, ClientAuth& auth) {
    const Node written = crl;
    if (!put_file(crl)) return;
    auth.revoked = crl.text;
    ClientAuthFacts facts;
    if (const std::string wrong = read_crls(auth, facts); !wrong.empty()) {
      return report(written.at, {"bad-crl", in_quotes(written.text) + ": " + wrong, "", ""});
    }
    const auto warn_of = [&](const std::string& text, const char* label) {
      diagnostics_.push_back(warning_at(written.at, "crl", text, label));
    };
    for (const ClientAuthFacts::Dated& each : facts.crls) {
      if (each.ends > system_clock::now()) continue;
      warn_of(
          "the CRL of " + in_quotes(each.name) + " in " + in_quotes(written.text) + " ended on " + date_of(each.ends),
          "its clients are refused");
    }
    for (const std::string& name : facts.without_crl) {
      warn_of("there is no CRL of " + in_quotes(name) + " in " + in_quotes(written.text), "its clients are refused");
    }
  }

  // Where other secrets have the text itself, a key has the path: nobody writes a key into a configuration.
  static Parsed<std::string> read_key(const Node& value) {
    return value.is_text() ? read_text_file(resolved(value.text, value)) : read_secret(value);
  }

  static std::string title_of(const Node& key) {
    if (key.is_text()) return in_quotes(key.text);
    return key.entries.empty() ? "the key" : in_quotes(key.entries.front().value.text);
  }

  bool put_text(Node& value, const Parsed<std::string>& text, const std::string& file) {
    if (!text) return report(value.at, *text.wrong()), false;
    value = Node{
        .kind = Node::Kind::string, .at = value.at, .text = *text, .items = {}, .entries = {}, .read_from = file};
    return true;
  }

  bool put_file(Node& value) {
    const std::string file = resolved(value.text, value);
    return put_text(value, read_text_file(file), file);
  }

  void judge(const PemPair& pair, const Node& path) {
    CertificateFacts facts;
    const std::string file = in_quotes(path.text);
    if (const std::string wrong = read_pair(pair, facts); !wrong.empty()) {
      return report(path.at, {"bad-certificate", file + ": " + wrong, "", ""});
    }
    judge_time(path, facts.not_before, facts.not_after, "the certificate in " + file);
  }

  void judge_time(const Node& path, WallTime not_before, WallTime not_after, const std::string& what) {
    const std::string trouble = trouble_with_time(not_before, not_after, system_clock::now());
    if (trouble.empty()) return;
    diagnostics_.push_back(warning_at(path.at, "certificate-time", what + " " + trouble));
  }

  void judge_ocsp(PemPair pair, Node& ocsp) {
    const Node written = ocsp;
    const std::string path = resolved(written.text, written);
    if (!put_text(ocsp, read_file(path), path)) return;
    pair.ocsp = ocsp.text;
    const std::string file = in_quotes(written.text);
    OcspStaple staple;
    if (const std::string wrong = read_ocsp(pair, staple); !wrong.empty()) {
      return report(written.at, {"bad-ocsp", file + ": " + wrong, "", ""});
    }
    const auto warn_of = [&](const std::string& text) {
      diagnostics_.push_back(
          warning_at(written.at, "ocsp", "the OCSP response in " + file + " " + text, "clients do not get it"));
    };
    const auto now = system_clock::now();
    if (!staple.is_good) return warn_of("does not say that the certificate is good");
    if (staple.ends <= now) return warn_of("ended on " + date_of(staple.ends));
    if (staple.begins > now) warn_of("is not valid before " + date_of(staple.begins));
  }

  void report_missing(const Span& at, const std::string& name, const std::string& key) {
    diagnostics_.push_back(error_at(at, "missing-key", name + " has no " + in_quotes(key)));
  }
  void report(const Span& at, const Wrong& wrong) {
    diagnostics_.push_back(error_at(at, wrong.code, wrong.text, wrong.label, wrong.help));
  }

  Diagnostics& diagnostics_;
};

// As the files have it now; a key that is in none stays as it is.
Parsed<PemPair> read_again(const PemFiles& files, const PemPair& before) {
  const Parsed<std::string> certificate = read_text_file(files.certificate);
  if (!certificate) return *certificate.wrong();
  const Parsed<std::string> key = files.key.empty() ? before.key : read_text_file(files.key);
  if (!key) return *key.wrong();
  PemPair pair{.certificate = *certificate, .key = *key};
  // One that is missing, or about the certificate before, may still be on its way: until then clients get none.
  if (const Parsed<std::string> ocsp = files.ocsp.empty() ? std::string() : read_file(files.ocsp)) pair.ocsp = *ocsp;
  CertificateFacts facts;
  const std::string wrong = read_pair(pair, facts);
  if (!wrong.empty()) return Wrong{"bad-certificate", in_quotes(files.certificate) + ": " + wrong, "", ""};
  return pair;
}

}  // namespace

Parsed<std::vector<PemPair>> read_again(const Tls& tls) {
  std::vector<PemPair> certificates;
  for (std::size_t i = 0; i < tls.files.size(); ++i) {
    const Parsed<PemPair> pair = read_again(tls.files[i], tls.certificates[i]);
    if (!pair) return *pair.wrong();
    certificates.push_back(*pair);
  }
  return certificates;
}

std::string trouble_with_time(WallTime not_before, WallTime not_after, WallTime now) {
  if (not_after <= now) return "ended on " + date_of(not_after);
  if (not_before > now) return "is not valid before " + date_of(not_before);
  if (not_after - now < std::chrono::days(days_before_end)) return "ends on " + date_of(not_after);
  return {};
}

void read_certificates(Node& root, Diagnostics& diagnostics) {
  CertificateReader reader(diagnostics);
  if (Node* const upstreams = child(root, "upstream")) {
    for (Entry& entry : upstreams->entries) {
      Node* const servers_tls = child(entry.value, "tls");
      if (servers_tls == nullptr || servers_tls->kind != Node::Kind::table) continue;
      reader.read_upstream(*servers_tls, "[upstream." + entry.key + ".tls]");
    }
  }
  Node* const tables = child(root, "tls");
  if (tables == nullptr) return;
  for (Entry& entry : tables->entries) {
    if (entry.value.kind != Node::Kind::table) continue;
    reader.read_client_auth(entry.value);
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
