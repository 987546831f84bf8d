using System.Text.Json;
using Pith.Benchmarking;
using Pith.Cli.Reporting;
using Pith.Cli.Reporting.Html;

namespace Pith.Cli.Tests;

/// <summary>What <c>pith sweep</c> writes, keeps and draws; never how fast anything is.</summary>
public sealed class SweepTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Batches_and_sizes_are_timed_and_drawn()
    {
        var json = Sweep(0, "--batch", "1,2", "--size", "32,48x40");
        var points = json.GetProperty("points").EnumerateArray().ToArray();
        Assert.Equal([(1, 32, 32), (2, 32, 32), (1, 48, 40), (2, 48, 40)], points.Select(point => (Number(point, "batch"), Number(point, "width"), Number(point, "height"))));
        Assert.All(points, point => Assert.True(point.GetProperty("speedup").GetDouble() > 0 && point.GetProperty("dense_ms").GetDouble() > 0));
        Assert.Equal(["figures.html", "figures.json"], _folder.Files);
        Assert.Equal(json.ToString(), JsonDocument.Parse(File.ReadAllBytes(_folder.File("figures.json"))).RootElement.ToString());
        var page = File.ReadAllText(_folder.File("figures.html"));
        Assert.Equal(2, page.Split("<svg").Length - 1);
        Assert.All(["Speed-up against batch", "Speed-up against resolution", "48x40", "batch 2"], expected => Assert.Contains(expected, page, StringComparison.Ordinal));
        Assert.DoesNotContain("http", page, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", page, StringComparison.Ordinal);
    }

    [Fact]
    public void The_page_has_the_energy_of_points_that_have_it()
    {
        var point = new SweepPoint { Batch = 4, Width = 32, Height = 32, DenseMs = 2, SparseMs = 1, Speedup = 2, LowerQuartile = 1.9, UpperQuartile = 2.1 };
        var report = new SweepReport { Key = "", Dense = "a.onnx", Sparse = "b.onnx", Threads = 1, Seconds = 1, Machine = "m", Planned = 2, Points = [point] };
        Assert.DoesNotContain("J/image", SweepPage.Render(report), StringComparison.Ordinal);
        var measured = point with { DenseEnergy = new EnergyResult(12, 1, 100, "<package>"), SparseEnergy = new EnergyResult(7, 1, 100, "<package>") };
        var page = SweepPage.Render(report with { Points = [measured, point with { Batch = 8, Failure = "no" }] });
        Assert.All(["dense, J/image", "0.12000", "0.07000", "Energy of &lt;package&gt;"], expected => Assert.Contains(expected, page, StringComparison.Ordinal));
        // As many cells in each row as there are titles.
        Assert.All(page.Split("<tr>").Skip(1), row => Assert.Equal(9, row.Split("<t").Length - 1 - (row.Contains("<tbody>", StringComparison.Ordinal) ? 1 : 0)));
    }

    [Fact]
    public void An_interrupted_sweep_goes_on_with_what_it_has()
    {
        var first = Sweep(0, "--batch", "1");
        var second = Sweep(0, "--batch", "2,1");
        // The point that was there has the same times to the last digit.
        Assert.Equal(first.GetProperty("points")[0].ToString(), second.GetProperty("points")[1].ToString());
        Assert.Equal(32, Number(second.GetProperty("points")[0], "width"));
        // Other settings are another sweep.
        var other = Sweep(0, "--batch", "1", "--duration", "0.01");
        Assert.NotEqual(first.GetProperty("points")[0].ToString(), other.GetProperty("points")[0].ToString());
    }

    [Fact]
    public void A_point_that_cannot_be_is_said_and_the_others_are_kept()
    {
        PithCommand.Run("build", "cifar-resnet8", "--no-timing", "-o", _folder.File("net.plan")).Ends(0);
        var json = PithCommand.Run("sweep", _folder.File("net.plan"), "cifar-resnet8", "--batch", "1", "--size", "32,64", "--duration", "0", "-o", _folder.File("figures.html"), "--json").Ends(1).Json;
        Assert.False(json.GetProperty("points")[0].TryGetProperty("failure", out _));
        Assert.Contains("width 64", json.GetProperty("points")[1].GetProperty("failure").GetString(), StringComparison.Ordinal);
        Assert.Contains("width 64", File.ReadAllText(_folder.File("figures.html")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_somebody_else_is_not_overwritten()
    {
        File.WriteAllText(_folder.File("figures.json"), "{\"mine\": true}");
        Assert.Contains("not what a sweep wrote", PithCommand.Run("sweep", "cifar-resnet8", "cifar-resnet8", "--batch", "1", "--duration", "0", "-o", _folder.File("figures.html")).Refuses(1).Error.ReplaceLineEndings(" "), StringComparison.Ordinal);
        Assert.Equal("{\"mine\": true}", File.ReadAllText(_folder.File("figures.json")));
    }

    [Theory]
    [InlineData("--batch", "0")]
    [InlineData("--batch", "1;2")]
    [InlineData("--size", "0x3")]
    [InlineData("--size", "")]
    [InlineData("-o", "figures.svg")]
    public void A_value_that_cannot_be_is_wrong_usage(params string[] arguments) => PithCommand.Run(["sweep", "cifar-resnet8", "cifar-resnet8", .. arguments]).Refuses(2);

    private JsonElement Sweep(int exitCode, params string[] arguments)
    {
        string[] duration = arguments.Contains("--duration") ? [] : ["--duration", "0"];
        return PithCommand.Run(["sweep", "cifar-resnet8", "cifar-resnet8", "--threads", "1", "-o", _folder.File("figures.html"), "--json", .. duration, .. arguments]).Ends(exitCode).Json;
    }

    private static int Number(JsonElement json, string name) => json.GetProperty(name).GetInt32();
}
