/* sort.cpp - std::sort as the measure for functions that have to sort: reads one number a line from standard
** input, and prints the median time of RUNS sorts of them in milliseconds.
**
**   sort RUNS < numbers */
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

int main(int argc, char **argv) {
    std::vector<double> values, times;
    for (double x; std::scanf("%lf", &x) == 1;)
        values.push_back(x);
    for (int run = argc > 1 ? std::atoi(argv[1]) : 3; run > 0; run--) {
        std::vector<double> sorted = values;
        auto start = std::chrono::steady_clock::now();
        std::sort(sorted.begin(), sorted.end());
        std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
        times.push_back(taken.count());
    }
    std::sort(times.begin(), times.end());
    std::printf("%.6f\n", times[times.size() / 2]);
}
