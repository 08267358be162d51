// Writes families of metrics: a head for each, and a line for each of its series.
#pragma once
#include <cmath>
#include <concepts>
#include <cstdio>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace culvert::admin {

class Exposition {
 public:
  using Label = std::pair<std::string_view, std::string_view>;  // name and value
  using Labels = std::initializer_list<Label>;

  void counter(std::string_view name, std::string_view help) { family(name, help, "counter"); }
  void gauge(std::string_view name, std::string_view help) { family(name, help, "gauge"); }
  void histogram(std::string_view name, std::string_view help) { family(name, help, "histogram"); }

  // A series of the family that was begun last; `suffix` is that of a histogram's.
  template <std::integral Number>
  void line(Labels labels, Number value, std::string_view suffix = {}) {
    write(labels, std::to_string(value), suffix);
  }
  void line(Labels labels, double value, std::string_view suffix = {}) {
    char text[40];
    const int size = std::snprintf(text, sizeof text, "%.15g", value);
    write(labels, {text, static_cast<std::size_t>(size)}, suffix);
  }
  std::string take() { return std::move(text_); }

 private:
  void family(std::string_view name, std::string_view help, std::string_view type);
  void write(Labels labels, std::string_view value, std::string_view suffix);

  std::string text_;
  std::string name_;
};

}  // namespace culvert::admin
