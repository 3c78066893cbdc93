// SPDX-License-Identifier: BSD-2-Clause
#include "bench/pictures.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "bench/plot.h"

namespace pl::bench {
namespace {

struct Figure {
  double enclave = 0;
  std::optional<double> linux_figure;
};
using Figures = std::map<std::string, Figure>;

constexpr int kOwnFailure = 125;
constexpr const char* kEnclave = "#1f77b4";
constexpr const char* kLinux = "#d62728";

int complain(const std::string& text) {
  fmt::print(stderr, "pl-bench: {}\n", text);
  return kOwnFailure;
}

// The rows of these names, measured in one machine. The exit status if that fails.
std::optional<int> measure(machine::Request request, machine::Overrides overrides, const std::string& memory, const std::string& pool,
                           const std::string& rows, const std::filesystem::path& json, Figures& figures) {
  overrides.memory = memory;
  overrides.pool = pool;
  for (const std::string& argument : {std::string("--rows"), rows, std::string("--json"), json.string()}) request.arguments.push_back(argument);
  fmt::print(stderr, "pl-bench: a machine with {} of memory\n", memory);
  if (int status = machine::run_in_private_machine(request, overrides)) return status;
  std::ifstream file(json);
  const auto parsed = nlohmann::json::parse(file, nullptr, false);
  if (!parsed.is_array()) return complain("no figures in " + json.string());
  for (const auto& row : parsed) {
    Figure& figure = figures[row["name"]];
    figure.enclave = row["enclave"];
    if (row["linux"].is_number()) figure.linux_figure = row["linux"].get<double>();
  }
  return std::nullopt;
}

}  // namespace

int draw_fork_costs(const machine::Request& request, const machine::Overrides& overrides, const std::string& path) {
  std::string folder = (std::filesystem::temp_directory_path() / "penglai-plot-XXXXXX").string();
  if (!::mkdtemp(folder.data())) return complain("cannot make a folder in " + std::filesystem::temp_directory_path().string());
  struct Remove {
    std::filesystem::path path;
    ~Remove() {
      std::error_code error;
      std::filesystem::remove_all(path, error);
    }
  } remove{folder};
  const auto json = remove.path / "rows.json";

  Panel size{"memory in the template", {{"fork of a template", kEnclave, {}}, {"Linux: vfork, exec, exit", kLinux, {}}}};
  Panel alive{"instances alive", size.lines}, memory{"memory of the machine", size.lines};
  Figures figures;
  if (auto status = measure(request, overrides, "2G", "1G",
                            "shadow_run_musl,shadow_run_musl_4m,shadow_run_musl_16m,shadow_run_musl_64m,"
                            "shadow_run_musl_beside_10,shadow_run_musl_beside_100,shadow_run_musl_beside_400",
                            json, figures))
    return *status;
  const auto add = [](Panel& panel, const std::string& label, double enclave, double linux_figure) {
    panel.lines[0].points.push_back({label, enclave});
    panel.lines[1].points.push_back({label, linux_figure});
  };
  const double process = figures["shadow_run_musl"].linux_figure.value_or(0);
  add(size, "0.1 MB", figures["shadow_run_musl"].enclave, process);
  for (const char* megabytes : {"4", "16", "64"}) add(size, fmt::format("{} MB", megabytes), figures[fmt::format("shadow_run_musl_{}m", megabytes)].enclave, process);
  add(alive, "0", figures["shadow_run_musl"].enclave, process);
  for (const char* count : {"10", "100", "400"}) add(alive, count, figures[fmt::format("shadow_run_musl_beside_{}", count)].enclave, process);
  add(memory, "2 GB", figures["shadow_run_musl"].enclave, process);
  for (auto [all, pool] : {std::pair{"4G", "2G"}, std::pair{"8G", "4G"}}) {
    Figures there;
    if (auto status = measure(request, overrides, all, pool, "shadow_run_musl", json, there)) return *status;
    add(memory, fmt::format("{} GB", all[0]), there["shadow_run_musl"].enclave, there["shadow_run_musl"].linux_figure.value_or(0));
  }
  std::ofstream file(path);
  file << as_svg("One run of a hello world (musl), start to end", "instructions of one hart, median of several runs", {size, alive, memory});
  file.close();
  if (!file) return complain(fmt::format("{}: cannot be written", path));
  fmt::print("{}\n", path);
  return 0;
}

}  // namespace pl::bench
