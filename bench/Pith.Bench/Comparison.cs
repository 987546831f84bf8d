using System.Diagnostics;

namespace Pith.Bench;

/// <summary>One or more kernels timed in turn, so that a slow phase of the machine hits all of them.</summary>
internal static class Comparison
{
    /// <summary>Runs one command line: sides separated by <c>vs</c>, and optionally <c>seconds=</c> for the whole line.</summary>
    public static void Run(IReadOnlyList<string> arguments)
    {
        var seconds = 1.0;
        var sides = new List<(string Label, KernelRun Run, int Threads, List<double> Times)>();
        foreach (var side in Split(arguments))
        {
            var words = side.Where(word => !word.StartsWith("seconds=", StringComparison.Ordinal)).ToArray();
            var given = side.FirstOrDefault(word => word.StartsWith("seconds=", StringComparison.Ordinal));
            if (given is not null) seconds = double.Parse(given["seconds=".Length..]);
            var shape = new Shape(words.Skip(1));
            var threads = Math.Max(1, shape["threads", 1]);
            var kernel = KernelCatalog.Find(words.FirstOrDefault() ?? "");
            var run = kernel.Create(shape);
            shape.CheckAllUsed(kernel.Name);
            sides.Add((string.Join(' ', words), run, threads, []));
        }
        var workspace = sides.Max(side => side.Run.Phases.Max(phase => phase.WorkspaceFloats));
        using (var team = new Team(sides.Max(side => side.Threads), workspace)) Measure(sides, team, seconds);
        foreach (var (label, run, _, times) in sides)
        {
            times.Sort();
            double median = times[times.Count / 2], minimum = times[0];
            var rate = run.Flops > 0
                ? $"{run.Flops / median * 1e-9,7:F1} GFLOP/s (best {run.Flops / minimum * 1e-9:F1})"
                : $"{run.Bytes / median * 1e-9,7:F1} GB/s (best {run.Bytes / minimum * 1e-9:F1})";
            Console.WriteLine($"{label,-78} {median * 1e3,9:F4} ms  min {minimum * 1e3,9:F4}  {rate}");
        }
    }

    private static void Measure(List<(string, KernelRun Run, int Threads, List<double> Times)> sides, Team team, double seconds)
    {
        foreach (var side in sides) team.Run(side.Run.Phases, side.Threads);
        var clock = Stopwatch.StartNew();
        for (var round = 0; round < 5 || clock.Elapsed.TotalSeconds < seconds; round++)
        {
            foreach (var side in sides)
            {
                var start = Stopwatch.GetTimestamp();
                team.Run(side.Run.Phases, side.Threads);
                side.Times.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
        }
    }

    private static List<List<string>> Split(IReadOnlyList<string> arguments)
    {
        var sides = new List<List<string>> { new() };
        foreach (var argument in arguments)
        {
            if (argument == "vs") sides.Add([]);
            else sides[^1].Add(argument);
        }
        return sides;
    }
}
