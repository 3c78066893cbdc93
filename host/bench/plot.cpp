// SPDX-License-Identifier: BSD-2-Clause
#include "bench/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace pl::bench {
namespace {

constexpr double kPanelWidth = 340, kPanelHeight = 240, kLeft = 76, kTop = 64, kGap = 36, kBottom = 92;

// 1, 2 or 5 times a power of ten, so that about five steps reach `most`.
double step_for(double most) {
  const double power = std::pow(10, std::floor(std::log10(most / 5)));
  for (double factor : {1.0, 2.0, 5.0})
    if (power * factor * 5 >= most) return power * factor;
  return power * 10;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else out += c;
  }
  return out;
}

void text(std::string& out, double x, double y, const char* anchor, int size, const std::string& what) {
  fmt::format_to(std::back_inserter(out), "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" font-size=\"{}\">{}</text>\n", x, y, anchor, size, escaped(what));
}

void line(std::string& out, double x1, double y1, double x2, double y2, const char* colour) {
  fmt::format_to(std::back_inserter(out), "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\"/>\n", x1, y1, x2, y2, colour);
}

}  // namespace

std::string as_svg(const std::string& title, const std::string& unit, const std::vector<Panel>& panels) {
  double most = 1;
  for (const Panel& panel : panels)
    for (const Line& each : panel.lines)
      for (const Point& point : each.points) most = std::max(most, point.value);
  const double step = step_for(most), top = std::ceil(most / step) * step;
  const double width = kLeft + static_cast<double>(panels.size()) * (kPanelWidth + kGap), height = kTop + kPanelHeight + kBottom;
  const auto y_of = [&](double value) { return kTop + kPanelHeight * (1 - value / top); };

  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} {1:.0f}\" font-family=\"sans-serif\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n", width, height);
  text(out, kLeft, 24, "start", 16, title);
  text(out, kLeft, 44, "start", 12, unit);
  for (size_t n = 0; n < panels.size(); ++n) {
    const Panel& panel = panels[n];
    const double left = kLeft + static_cast<double>(n) * (kPanelWidth + kGap);
    for (double value = 0; value <= top + step / 2; value += step) {
      line(out, left, y_of(value), left + kPanelWidth, y_of(value), value == 0 ? "#444" : "#ddd");
      if (n == 0) text(out, left - 8, y_of(value) + 4, "end", 11, fmt::format("{:.0f}", value));
    }
    double legend = left;
    for (size_t l = 0; l < panel.lines.size(); ++l) {
      const Line& each = panel.lines[l];
      const double gap = kPanelWidth / static_cast<double>(std::max<size_t>(each.points.size(), 1));
      std::string path;
      for (size_t i = 0; i < each.points.size(); ++i) {
        const double x = left + gap * (static_cast<double>(i) + 0.5), y = y_of(each.points[i].value);
        fmt::format_to(std::back_inserter(path), "{:.1f},{:.1f} ", x, y);
        fmt::format_to(std::back_inserter(out), "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"><title>{}: {:.0f}</title></circle>\n", x, y,
                       each.colour, escaped(each.points[i].label), each.points[i].value);
        if (l == 0) text(out, x, kTop + kPanelHeight + 18, "middle", 11, each.points[i].label);
      }
      fmt::format_to(std::back_inserter(out), "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n", path, each.colour);
      fmt::format_to(std::back_inserter(out), "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"12\" height=\"3\" fill=\"{}\"/>\n", legend, kTop + kPanelHeight + 60, each.colour);
      text(out, legend + 16, kTop + kPanelHeight + 65, "start", 11, each.name);
      legend += kPanelWidth / static_cast<double>(panel.lines.size());
    }
    text(out, left + kPanelWidth / 2, kTop + kPanelHeight + 40, "middle", 13, panel.title);
  }
  return out + "</svg>\n";
}

}  // namespace pl::bench
