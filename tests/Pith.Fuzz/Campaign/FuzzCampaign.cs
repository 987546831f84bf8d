using System.Diagnostics;
using System.Globalization;

namespace Pith.Fuzz.Campaign;

/// <summary>Runs a family's cases in a process of their own, which is started again when a case has ended it.</summary>
internal sealed class FuzzCampaign(FuzzFamily family, uint stream, Action<string> print)
{
    private const int MostErrorLines = 40;

    private readonly List<Finding> _findings = [];
    private readonly Dictionary<string, int> _kinds = [];
    private readonly Queue<string> _errors = [];
    private readonly string _running = Path.Combine(Path.GetTempPath(), $"pith-fuzz-{Environment.ProcessId}-{family.Name}");

    /// <summary>The first finding of each kind.</summary>
    public IReadOnlyList<Finding> Findings => _findings;

    /// <summary>Cases that ran.</summary>
    public long Cases { get; private set; }

    /// <summary>Cases that failed.</summary>
    public int Failed => _kinds.Values.Sum();

    /// <summary><c>run MINUTES [FAMILY …]</c>: each family in turn, a minute at a time, with new random numbers; ends with a line <c>N passed, N failed</c>.</summary>
    public static int RunAll(string minutes, string[] names)
    {
        if (!double.TryParse(minutes, CultureInfo.InvariantCulture, out var total) || !(total > 0)) throw new PithException($"--fuzz takes minutes, got '{minutes}'.");
        var families = names.Length == 0 ? FuzzFamily.All : [.. names.Select(FuzzFamily.Find)];
        var start = (uint)Environment.TickCount64;
        var campaigns = families.Select(family => new FuzzCampaign(family, start, Console.WriteLine)).ToArray();
        var until = DateTime.UtcNow.AddMinutes(total);
        for (var i = 0; DateTime.UtcNow < until; i++)
        {
            var campaign = campaigns[i % campaigns.Length];
            campaign.Run(long.MaxValue, Math.Min((until - DateTime.UtcNow).TotalSeconds, families.Count == 1 ? double.MaxValue : 60));
        }
        foreach (var campaign in campaigns) campaign.PrintKinds();
        var failed = campaigns.Sum(campaign => campaign.Failed);
        Console.WriteLine($"{campaigns.Sum(campaign => campaign.Cases) - failed} passed, {failed} failed");
        return failed == 0 ? 0 : 1;
    }

    /// <summary>Runs a number of cases, or as many as fit into the time.</summary>
    public void Run(long cases, double seconds)
    {
        var clock = Stopwatch.StartNew();
        var last = Cases + (cases == long.MaxValue ? cases - Cases : cases);
        while (Cases < last && clock.Elapsed.TotalSeconds < seconds)
        {
            var before = Cases;
            var exitCode = RunWorker(last - Cases, seconds - clock.Elapsed.TotalSeconds, clock);
            if (exitCode != 0) Ended(exitCode);
            if (exitCode == 0 && Cases == before) break;
        }
        File.Delete(_running);
        print($"{family.Name}: {Cases} cases, {(Cases / Math.Max(1e-3, _seconds)).ToString("F1", CultureInfo.InvariantCulture)} a second, {Failed} failed in {_kinds.Count} ways");
    }

    private double _seconds;

    private int RunWorker(long cases, double seconds, Stopwatch clock)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [.. CommandOf(), "worker", family.Name, Text(stream++), Text(cases), Text(Math.Min(seconds, 1e6)), _running]) { RedirectStandardOutput = true, RedirectStandardError = true };
        // A crash is found by its exit code; a dump of it helps nobody here.
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        using var process = Process.Start(start)!;
        _errors.Clear();
        process.ErrorDataReceived += (_, line) => Remember(line.Data);
        process.BeginErrorReadLine();
        var (before, printed, began) = (Cases, clock.Elapsed, clock.Elapsed);
        while (process.StandardOutput.ReadLine() is { } line)
        {
            if (Message.AsFinding(line) is { } finding) Add(finding);
            else if (Message.AsProgress(line) is { } done)
            {
                Cases = before + done;
                if (clock.Elapsed - printed < TimeSpan.FromSeconds(10)) continue;
                printed = clock.Elapsed;
                print($"  {family.Name}: {Cases} cases, {Failed} failed in {_kinds.Count} ways");
            }
        }
        process.WaitForExit();
        _seconds += (clock.Elapsed - began).TotalSeconds;
        return process.ExitCode;
    }

    private void Ended(int exitCode)
    {
        var id = File.Exists(_running) ? File.ReadAllText(_running) : "";
        Cases++;
        var what = exitCode == FuzzWorker.Hung ? $"hangs (more than {family.SecondsPerCase} s)" : $"ends the process with exit code {exitCode}";
        Add(new Finding(id, what, $"The case {what}.\n{string.Join('\n', _errors)}"));
    }

    private void Remember(string? line)
    {
        lock (_errors)
        {
            if (line is null) return;
            if (_errors.Count == MostErrorLines) _errors.Dequeue();
            _errors.Enqueue(line);
        }
    }

    private void Add(Finding finding)
    {
        var count = _kinds[finding.Kind] = _kinds.GetValueOrDefault(finding.Kind) + 1;
        if (count > 1) return;
        _findings.Add(finding);
        print($"FINDING {finding.Kind}\n  repeat: ./test --fuzz-seed {finding.Id}\n{finding.Detail}\n");
    }

    private void PrintKinds()
    {
        foreach (var (kind, count) in _kinds.OrderByDescending(pair => pair.Value))
            print($"{count,6} x {kind}\n         ./test --fuzz-seed {_findings.First(finding => finding.Kind == kind).Id}");
    }

    // `dotnet Pith.Fuzz.dll` or the program itself.
    private static string[] CommandOf() => Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(FuzzCampaign).Assembly.Location] : [];

    private static string Text<T>(T number) where T : IFormattable => number.ToString(null, CultureInfo.InvariantCulture);
}
