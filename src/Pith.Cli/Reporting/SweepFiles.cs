using System.Text.Json;
using Pith.Cli.Reporting.Html;

namespace Pith.Cli.Reporting;

/// <summary>The files of a sweep: an HTML page, and the same as JSON beside it, from which an interrupted sweep goes on.</summary>
/// <param name="page">The page's path.</param>
internal sealed class SweepFiles(string page)
{
    private const long LargestFile = 16 << 20;

    /// <summary>The JSON file's path.</summary>
    public string Json { get; } = Path.ChangeExtension(page, ".json");

    /// <summary>The points that an earlier sweep of this key has left; none when there is no such file.</summary>
    /// <param name="key">See <see cref="SweepReport.Key"/>.</param>
    /// <exception cref="PithException">The file is something else, which would be lost.</exception>
    public IReadOnlyList<SweepPoint> Finished(string key)
    {
        if (!File.Exists(Json)) return [];
        try
        {
            if (new FileInfo(Json).Length > LargestFile) throw Foreign(null);
            var earlier = JsonText.Read<SweepReport>(File.ReadAllBytes(Json)) ?? throw Foreign(null);
            if (earlier.Points is null || earlier.Points.Any(point => point is null || point.Failure is null && !AreTimes([point.DenseMs, point.SparseMs, point.Speedup, point.LowerQuartile, point.UpperQuartile]))) throw Foreign(null);
            // What failed is tried again.
            return earlier.Key == key ? [.. earlier.Timed()] : [];
        }
        catch (Exception failure) when (failure is JsonException or NotSupportedException)
        {
            throw Foreign(failure);
        }
    }

    /// <summary>Writes both files, each whole or not at all.</summary>
    public void Write(SweepReport report)
    {
        AtomicFile.WriteText(Json, JsonText.Of(report) + "\n");
        AtomicFile.WriteText(page, SweepPage.Render(report));
    }

    private static bool AreTimes(ReadOnlySpan<double> numbers)
    {
        foreach (var number in numbers)
            if (!(number > 0 && double.IsFinite(number))) return false;
        return true;
    }

    private PithException Foreign(Exception? inner)
    {
        var message = $"'{Json}' is not what a sweep wrote. Give another --output, or delete it.";
        return inner is null ? new PithException(message) : new PithException(message, inner);
    }
}
