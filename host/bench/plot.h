// SPDX-License-Identifier: BSD-2-Clause
// Pictures of figures, as SVG: one panel a question, all on one scale from zero, so that a flat line is a flat cost.
#pragma once

#include <string>
#include <vector>

namespace pl::bench {

struct Point {
  std::string label;  // below the axis
  double value;
};

struct Line {
  std::string name;
  std::string colour;
  std::vector<Point> points;  // the same labels in all lines of a panel
};

struct Panel {
  std::string title;  // what is along the axis
  std::vector<Line> lines;
};

std::string as_svg(const std::string& title, const std::string& unit, const std::vector<Panel>& panels);

}  // namespace pl::bench
