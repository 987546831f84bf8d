using System.Globalization;

namespace Pith.Cli.Reporting.Html;

/// <summary>Loss and accuracy over the epochs, on the pages of a training and of a recipe.</summary>
internal static class TrainingCurves
{
    /// <summary>Two charts.</summary>
    /// <param name="curve">The epochs; nothing is drawn without any.</param>
    public static string Render(IReadOnlyList<EpochResult> curve)
    {
        if (curve.Count == 0) return "";
        string[] labels = [.. curve.Select(epoch => epoch.Epoch.ToString(CultureInfo.InvariantCulture))];
        var loss = LineChart.Draw("Loss by epoch", "epoch", labels, Series(("training", curve.Select(epoch => (double?)epoch.Loss)), ("validation", curve.Select(epoch => epoch.ValidationLoss))), baseline: null);
        var accuracy = LineChart.Draw("Top-1 by epoch, in percent", "epoch", labels, Series(("training", curve.Select(epoch => (double?)(100 * epoch.TrainingAccuracy))), ("validation", curve.Select(epoch => 100 * epoch.ValidationTop1))), baseline: null);
        return $"<p>Loss: mean over each epoch of training, with augmentation, label smoothing and teacher; on validation images, the cross-entropy of the labels.</p>{loss}<p>Top-1, %.</p>{accuracy}\n";
    }

    private static LineSeries[] Series(params (string Label, IEnumerable<double?> Values)[] lines) => [.. lines.Select(line => LineSeries.Of(line.Label, line.Values)).Where(line => line.Points.Count > 0)];
}
