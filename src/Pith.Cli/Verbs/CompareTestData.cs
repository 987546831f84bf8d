using Pith.Cli.Reporting;
using Spectre.Console;

namespace Pith.Cli.Verbs;

/// <summary><c>pith compare MODEL --test-data FOLDER</c>: interpreter, reference kernels and engine against expected outputs.</summary>
internal static class CompareTestData
{
    /// <summary>Runs all data sets in all runners and shows what differs.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="PithException">Model or data cannot be read, or do not belong together.</exception>
    public static int Run(string model, string folder, InputSize? size, int threads, Tolerance tolerance, Terminal terminal, CancellationToken cancellation)
    {
        if (EngineFile.IsPlan(model)) throw new UsageException($"--test-data compares ways to run an ONNX file; '{model}' is a plan. (pith infer runs a plan on tensors.)");
        if (!File.Exists(model)) throw new PithException($"There is no file '{model}'. --test-data needs the ONNX file that the data was made for.");
        var options = new EngineOptions { Threads = threads };
        NetworkRunner[] runners = [NetworkRunner.Interpreter(), NetworkRunner.Reference(options), NetworkRunner.Engine(options)];
        try
        {
            var checks = terminal.Track(events => Check(model, folder, size, runners, tolerance, events, cancellation));
            var passes = checks.All(check => check.Passes);
            terminal.Result(new { Model = model, TestData = folder, Passes = passes, Tolerance = tolerance, Runs = checks }, console => Draw(console, checks));
            if (passes) return Program.Done;
            var wrong = checks.First(check => !check.Passes);
            terminal.Error($"{checks.Count(check => !check.Passes)} of {checks.Count} runs are not as expected; the first is {wrong.Runner} on {wrong.DataSet}.");
            return Program.Failed;
        }
        finally
        {
            foreach (var runner in runners) runner.Dispose();
        }
    }

    private static List<RunCheck> Check(string model, string folder, InputSize? size, NetworkRunner[] runners, Tolerance tolerance, IProgress<PithEvent> events, CancellationToken cancellation)
    {
        var total = TestDataSet.Folders(folder).Count * runners.Length;
        var checks = new List<RunCheck>();
        foreach (var check in TestDataCheck.Run(model, folder, runners, tolerance, ModelFile.ImportOptions(model, size)))
        {
            cancellation.ThrowIfCancellationRequested();
            checks.Add(check);
            events.Report(new ProgressMade("compare", checks.Count, total));
        }
        return checks;
    }

    private static void Draw(IAnsiConsole console, IReadOnlyList<RunCheck> checks)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("data set", "run by", "output", "type", "result");
        foreach (var check in checks)
        {
            if (check.Failure is { } failure) table.AddRow([.. new[] { check.DataSet, check.Runner, "", "", failure }.Select(SafeText.Cell)]);
            foreach (var output in check.Outputs) table.AddRow([.. new[] { check.DataSet, check.Runner, output.Name, output.Type, output.Mismatch?.ToString() ?? "as expected" }.Select(SafeText.Cell)]);
        }
        console.Write(table);
    }
}
