using System.Diagnostics;
using System.Globalization;
using CsCheck;

namespace Pith.Fuzz.Campaign;

/// <summary>
/// The process that runs cases, so that a case that ends it or never returns ends only this one. Before each case its name goes into a file; findings go to standard output, one line of JSON each.
/// </summary>
internal static class FuzzWorker
{
    public const int Hung = 3;
    private static readonly TimeSpan s_shrinking = TimeSpan.FromSeconds(5);
    private const int MostShrunk = 8;

    /// <summary><c>worker FAMILY STREAM COUNT SECONDS FILE</c>: the stream of random numbers, the number of cases, the time, the file that says which case is running.</summary>
    public static int Run(string[] args)
    {
        var family = FuzzFamily.Find(args[0]);
        var random = new PCG(uint.Parse(args[1], CultureInfo.InvariantCulture), ulong.Parse(args[1], CultureInfo.InvariantCulture) * 0x9E3779B97F4A7C15);
        var (count, seconds, file) = (long.Parse(args[2], CultureInfo.InvariantCulture), double.Parse(args[3], CultureInfo.InvariantCulture), args[4]);
        var watchdog = new Watchdog(family.SecondsPerCase);
        var clock = Stopwatch.StartNew();
        long done = 0;
        for (; done < count && clock.Elapsed.TotalSeconds < seconds; done++)
        {
            var id = new CaseId(family.Name, random.ToString());
            var test = family.Cases.Generate(random, null, out _);
            File.WriteAllText(file, id.ToString());
            watchdog.Begin();
            var failure = test.Check(test.AllParts);
            watchdog.End();
            if (failure is not null) Report(test, id, failure);
            if (done % 16 == 0) Console.WriteLine(Message.Progress(done));
        }
        File.WriteAllText(file, "");
        Console.WriteLine(Message.Progress(done));
        return 0;
    }

    // The parts that are left after shrinking are a part of a failure's kind. Of one that was seen often before that, nothing new is expected.
    private static void Report(FuzzCase test, CaseId id, Failure failure)
    {
        var seen = s_seen[failure.Kind] = s_seen.GetValueOrDefault(failure.Kind) + 1;
        if (seen <= MostShrunk)
        {
            var kept = test.Shrink(s_shrinking);
            id = id with { Kept = kept.ToValueList() };
            failure = test.Check(kept) ?? failure;
            failure = new Failure($"{failure.Kind} <- {test.Summary(kept)}", $"{failure.Detail}\n{test.Describe(kept)}");
        }
        Console.WriteLine(Message.Found(new Finding(id.ToString(), failure.Kind, failure.Detail)));
    }

    private static readonly Dictionary<string, int> s_seen = [];

    /// <summary>Ends the process when a case takes too long; the file then names it.</summary>
    private sealed class Watchdog
    {
        private long _begin;

        public Watchdog(double seconds)
        {
            new Thread(() =>
            {
                while (true)
                {
                    Thread.Sleep(200);
                    var begin = Volatile.Read(ref _begin);
                    if (begin != 0 && Stopwatch.GetElapsedTime(begin).TotalSeconds > seconds) Environment.Exit(Hung);
                }
            }) { IsBackground = true }.Start();
        }

        public void Begin() => Volatile.Write(ref _begin, Stopwatch.GetTimestamp());

        public void End() => Volatile.Write(ref _begin, 0);
    }
}
