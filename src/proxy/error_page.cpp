#include "proxy/error_page.hpp"

#include <algorithm>
#include <cassert>
#include <optional>

#include "base/ascii.hpp"
#include "base/json_text.hpp"
#include "culvert/status.hpp"
#include "wire/header_names.hpp"

namespace culvert::proxy {

namespace {

enum class Form { html, json, text };

// What one media range of Accept lets us send.
std::optional<Form> form_for(std::string_view range) {
  if (ascii::iequals(range, "application/json") || range.ends_with("+json")) return Form::json;
  if (ascii::iequals(range, "text/plain")) return Form::text;
  if (ascii::iequals(range, "text/html") || range == "text/*" || range == "*/*") return Form::html;
  return std::nullopt;
}

// RFC 9110 12.4.2, in thousandths: "1", "0.8", "0"; what is no weight counts as 1.
int weight(std::string_view text) {
  if (!text.starts_with('0')) return 1000;
  int thousandths = 0;
  int place = 100;
  for (std::size_t i = 2; i < text.size() && place > 0 && ascii::is_digit(text[i]); ++i, place /= 10) {
    thousandths += place * (text[i] - '0');
  }
  return thousandths;
}

// Cuts what stands before the next ';' off `rest`.
std::string_view take_part(std::string_view& rest) {
  const std::size_t end = std::min(rest.find(';'), rest.size());
  const std::string_view part = ascii::trim(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

int weight_among(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::string_view parameter = take_part(parameters);
    if (parameter.starts_with("q=") || parameter.starts_with("Q=")) return weight(parameter.substr(2));
  }
  return 1000;
}

// The form with the greatest weight, the first of several; HTML where nothing that we have is asked for.
Form choose_form(const HeaderList* headers) {
  Form best = Form::html;
  int best_weight = 0;
  if (headers == nullptr) return best;
  for (const Header& line : *headers) {
    if (line.id != HeaderId::accept) continue;
    for (std::string_view rest = line.value; !rest.empty();) {
      std::string_view parameters = ascii::take_member(rest);
      const std::optional<Form> form = form_for(take_part(parameters));
      const int its_weight = weight_among(parameters);
      if (!form || its_weight <= best_weight) continue;
      best = *form;
      best_weight = its_weight;
    }
  }
  return best;
}

// "502 Bad Gateway"
std::string title(const ReasonRow& what) {
  return std::to_string(what.status).append(" ").append(status_message(what.status));
}

void append_html(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
}

std::string html_page(const ReasonRow& what, std::string_view request_id) {
  const std::string heading = title(what);
  std::string page = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>";
  append_html(page, heading);
  page += "</title>\n<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:4rem auto;padding:0 1rem}"
          "small{color:#666}</style>\n<h1>";
  append_html(page, heading);
  page += "</h1>\n<p>";
  append_html(page, what.sentence);
  page += "</p>\n<p><small>Reason: <code>";
  append_html(page, what.code);
  page += "</code>";
  if (!request_id.empty()) {
    page += "<br>Request: <code>";
    append_html(page, request_id);
    page += "</code>";
  }
  page += "</small></p>\n</html>\n";
  return page;
}

std::string json_page(const ReasonRow& what, std::string_view request_id) {
  std::string page = "{\"status\":" + std::to_string(what.status) + ",\"reason\":";
  append_json_string(page, what.code);
  page += ",\"message\":";
  append_json_string(page, what.sentence);
  if (!request_id.empty()) {
    page += ",\"request_id\":";
    append_json_string(page, request_id);
  }
  page += "}\n";
  return page;
}

std::string text_page(const ReasonRow& what, std::string_view request_id) {
  std::string page = title(what).append("\n\n").append(what.sentence).append("\nReason: ").append(what.code);
  if (!request_id.empty()) page.append("\nRequest: ").append(request_id);
  page += '\n';
  return page;
}

// RFC 8941 3.3.4, but for ':' and '/', which are quoted here.
bool is_plain_token(std::string_view text) {
  if (!ascii::is_token(text)) return false;
  const char first = ascii::to_lower(text[0]);
  return first == '*' || (first >= 'a' && first <= 'z');
}

void append_item(std::string& out, std::string_view text) {
  if (is_plain_token(text)) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

const ReasonRow& answerable(Reason reason) {
  const ReasonRow& what = row(reason);
  assert(what.status != 0);
  return what;
}

}  // namespace

ErrorPage error_page(Reason reason, const HeaderList* headers, std::string_view request_id) {
  const ReasonRow& what = answerable(reason);
  switch (choose_form(headers)) {
    case Form::json: return {"application/json", json_page(what, request_id)};
    case Form::text: return {"text/plain; charset=utf-8", text_page(what, request_id)};
    case Form::html: break;
  }
  return {"text/html; charset=utf-8", html_page(what, request_id)};
}

std::string proxy_status(Reason reason, std::string_view pseudonym) {
  const ReasonRow& what = row(reason);
  std::string value;
  append_item(value, pseudonym);
  value.append("; error=").append(what.proxy_status).append("; details=\"").append(what.code).append("\"");
  return value;
}

std::string raw_error_response(Reason reason, std::string_view date, std::string_view server_header,
                               std::string_view pseudonym) {
  const ErrorPage page = error_page(reason, nullptr, {});
  std::string response = "HTTP/1.1 " + title(answerable(reason)) + "\r\n";
  const auto field = [&response](std::string_view name, std::string_view value) {
    response.append(name).append(": ").append(value).append("\r\n");
  };
  field("Date", date);
  if (!server_header.empty()) field("Server", server_header);
  field("Content-Type", page.content_type);
  field("Content-Length", std::to_string(page.body.size()));
  field("Proxy-Status", proxy_status(reason, pseudonym));
  field("Connection", "close");
  response.append("\r\n").append(page.body);
  return response;
}

}  // namespace culvert::proxy
