using System.Globalization;
using System.Net;
using Pith.Benchmarking;

namespace Pith.Cli.Reporting.Html;

/// <summary>Draws how a training went as one self-contained HTML page.</summary>
internal static class TrainingPage
{
    /// <summary>Renders the page.</summary>
    /// <param name="summary">The training.</param>
    /// <param name="model">The file of the trained network.</param>
    public static string Render(TrainingSummary summary, string model)
    {
        var page = HtmlPage.Begin($"{model}, training");
        page.Append(CultureInfo.InvariantCulture, $"<h1>{WebUtility.HtmlEncode(model)}: training</h1><p class=\"lead\">{summary.Epochs} {(summary.Epochs == 1 ? "epoch" : "epochs")}, {summary.Steps} steps, {summary.ImagesPerSecond:0} images/s.{Kept(summary)}</p>\n");
        page.Append(TrainingCurves.Render(summary.Curve));
        return HtmlPage.End(page, PithVersion.Text, MachineDescription.Text);
    }

    private static string Kept(TrainingSummary summary) => summary.ValidationTop1 is { } top1 ? $" Validation top-1 {StageText.Percent(top1)}, epoch {summary.KeptEpoch}." : "";
}
