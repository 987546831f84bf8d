using System.Globalization;
using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>Shows a <see cref="PairedEvaluation"/>: a table for people with a verdict in plain language, or JSON.</summary>
internal static class PairedReport
{
    private const int ShownClasses = 5;

    public static object Json(PairedEvaluation result, string first, string second, string data)
    {
        var comparison = result.Comparison;
        return new
        {
            First = ModelJson(first, result.First, result.Classes),
            Second = ModelJson(second, result.Second, result.Classes),
            Data = data,
            comparison.Count,
            comparison.Difference,
            DifferenceLow = comparison.Interval.Low,
            DifferenceHigh = comparison.Interval.High,
            PValue = comparison.McNemarPValue,
            Agreement = comparison.AgreementRate,
            comparison.Agreements,
            comparison.BothRight,
            comparison.OnlyFirst,
            comparison.OnlySecond,
            comparison.BothWrong,
            result.Scores.SnrDecibels,
            result.Scores.Cosine,
            result.Scores.MaxAbsoluteError,
            comparison.Verdict,
            VerdictText = Verdict(comparison),
            Classes = result.ByClass,
        };
    }

    public static void Draw(IAnsiConsole console, PairedEvaluation result, string first, string second, string data)
    {
        var comparison = result.Comparison;
        console.Line($"A {first}, B {second}: {comparison.Count} images of {data}");
        var table = Table("", "A", "B", "B - A");
        Row(table, "top-1", Share(result.First.Top1Correct), Share(result.Second.Top1Correct), Points(comparison.Difference));
        if (HasTop5(result.Classes)) Row(table, "top-5", Share(result.First.Top5Correct), Share(result.Second.Top5Correct), Points((double)(result.Second.Top5Correct - result.First.Top5Correct) / comparison.Count));
        console.Write(table);
        console.Line($"  difference of top-1   {Points(comparison.Difference)} points, paired 95% interval {Points(comparison.Interval.Low)} to {Points(comparison.Interval.High)}");
        console.Line($"  McNemar's exact test  p = {PValue(comparison.McNemarPValue)} (two-sided binomial of the {comparison.OnlyFirst + comparison.OnlySecond} images that only one gets right)");
        console.Line($"  images                {comparison.BothRight} both right, {comparison.OnlyFirst} only A, {comparison.OnlySecond} only B, {comparison.BothWrong} both wrong");
        console.Line($"  agreement             {StageText.Percent(comparison.AgreementRate)}: {comparison.Agreements} of {comparison.Count} images get the same class");
        console.Line($"  logits                signal-to-noise ratio {Decibels(result.Scores.SnrDecibels)}, cosine {result.Scores.Cosine:0.000000}, largest difference {result.Scores.MaxAbsoluteError:0.###e0}");
        Classes(console, "classes that lost most", [.. result.ByClass.Where(change => change.Change < 0).OrderBy(change => change.Change)]);
        Classes(console, "classes that gained most", [.. result.ByClass.Where(change => change.Change > 0).OrderByDescending(change => change.Change)]);
        console.Line($"{Verdict(comparison)}");

        string Share(int correct) => $"{StageText.Percent((double)correct / comparison.Count)} ({correct})";
    }

    /// <summary>The comparison in a sentence or two.</summary>
    public static string Verdict(PairedComparison comparison)
    {
        var counts = $"{comparison.OnlyFirst} images lost, {comparison.OnlySecond} gained";
        var interval = $"95% interval {Points(comparison.Interval.Low)} to {Points(comparison.Interval.High)}";
        return comparison.Verdict switch
        {
            PairedVerdict.Same => $"The same: both are right on the same {comparison.BothRight} of {comparison.Count} images ({interval}).",
            PairedVerdict.WithinChance => $"Within chance: {Points(comparison.Difference)} points ({counts}); two equally accurate models would be at least as far apart in {Percent(comparison.McNemarPValue)} of such samples. {comparison.Count} images do not exclude a difference of {Points(comparison.Interval.Low)} to {Points(comparison.Interval.High)} points; more images narrow that.",
            PairedVerdict.Worse => $"B is worse: {Points(comparison.Difference)} points ({counts}; {interval}; p = {PValue(comparison.McNemarPValue)}).",
            _ => $"B is better: {Points(comparison.Difference)} points ({counts}; {interval}; p = {PValue(comparison.McNemarPValue)}).",
        };
    }

    private static object ModelJson(string model, TopKAccuracy accuracy, int classes) =>
        new { Model = model, Correct = accuracy.Top1Correct, accuracy.Top1, Top5 = HasTop5(classes) ? accuracy.Top5 : (double?)null, NonFiniteImages = accuracy.NonFinite };

    // Among five classes or fewer every image would be right.
    private static bool HasTop5(int classes) => classes > 5;

    private static void Classes(IAnsiConsole console, string title, ClassChange[] changes)
    {
        if (changes.Length == 0) return;
        var table = Table(title, "images", "right in A", "right in B", "change");
        foreach (var change in changes.Take(ShownClasses)) Row(table, change.Name == Number(change.Label) ? change.Name : $"{change.Name} ({change.Label})", Number(change.Count), Number(change.FirstCorrect), Number(change.SecondCorrect), change.Change.ToString("+0;-0", CultureInfo.InvariantCulture));
        console.Write(table);
        if (changes.Length > ShownClasses) console.Line($"… and {changes.Length - ShownClasses} other classes");
    }

    private static Table Table(string first, params string[] numbers)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn(first);
        foreach (var title in numbers) table.AddColumn(new TableColumn(title).RightAligned());
        return table;
    }

    private static void Row(Table table, params string[] cells) => table.AddRow([.. cells.Select(SafeText.Cell)]);

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Points(double share) => (100 * share).ToString("+0.00;-0.00;0.00", CultureInfo.InvariantCulture);

    private static string Percent(double share) => (100 * share).ToString("0", CultureInfo.InvariantCulture) + "%";

    private static string PValue(double p) => p.ToString(p < 0.001 ? "0.0e0" : "0.000", CultureInfo.InvariantCulture);

    private static string Decibels(double snr) => double.IsPositiveInfinity(snr) ? "infinite (equal)" : snr.ToString("0.0", CultureInfo.InvariantCulture) + " dB";
}
