using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Pith.Benchmarking;
using Pith.Cli.Reporting;

namespace Pith.Cli.Verbs;

/// <summary><c>pith sweep</c>: how the speed-up of a sparse network over a dense one depends on batch and resolution, as two figures.</summary>
internal sealed class SweepVerb : Verb
{
    private readonly Argument<string> _dense = new("dense") { Description = $"The network to compare with. {EngineFile.Help}" };
    private readonly Argument<string> _sparse = new("sparse") { Description = "The sparse form of the same network." };
    private readonly Option<string> _batch = new("--batch") { Description = "Batch sizes, separated by commas.", HelpName = "list", DefaultValueFactory = _ => "1,8,32" };
    private readonly Option<string?> _size = new("--size") { Description = "Sizes of the images in pixels, separated by commas: 224x224,1024x512 (width first), or one number for a square. Networks of a fixed size are built anew for each. Default: the size that they have.", HelpName = "list" };
    private readonly Option<int> _threads = CommonOptions.Threads();
    private readonly Option<double> _duration = new("--duration") { Description = "Seconds of timing for each network and point.", HelpName = "s", DefaultValueFactory = _ => 3 };
    private readonly Option<string?> _output = CommonOptions.OutputFile(new("--output", "-o") { Description = "Where to write the page with the figures; the same as JSON goes beside it. Both are written after each point; the same command goes on where it was stopped. Default: sweep.html.", HelpName = "file" });
    private readonly Option<bool> _energy = CommonOptions.Energy();
    private readonly Option<string?> _cache = CommonOptions.TimingCache();

    public override string Name => "sweep";

    public override string Summary => "Times a dense and a sparse network in turn over batch sizes and resolutions: the two figures of the speed-up, as HTML and JSON.";

    public override IReadOnlyList<string> Examples => ["pith sweep net-int8.onnx net-sparse-int8.onnx", "pith sweep net-int8.onnx sparse-int8.onnx --batch 1,8,32 --size 224x224,512x512,2048x1024 -o figures.html", "pith sweep net-int8.onnx sparse-int8.onnx --energy"];

    protected override IEnumerable<Symbol> Symbols => [_dense, _sparse, _batch, _size, _threads, _duration, _output, _energy, _cache];

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var output = arguments.GetValue(_output) ?? "sweep.html";
        if (Path.GetExtension(output) is not (".html" or ".htm")) throw new UsageException($"--output must end in .html; got '{output}'.");
        var files = new SweepFiles(output);
        var (dense, sparse) = (arguments.GetRequiredValue(_dense), arguments.GetRequiredValue(_sparse));
        (int Batch, ImageSize? Size)[] points = [.. from size in Sizes(arguments.GetValue(_size)) from batch in Batches(arguments.GetRequiredValue(_batch)) select (batch, size)];
        var settings = new BenchmarkSettings { Seconds = CommonOptions.Require("--duration", arguments.GetValue(_duration), 0, 3600) };
        var threads = arguments.GetValue(_threads) is var given and > 0 ? given : Environment.ProcessorCount;
        var cachePath = arguments.GetValue(_cache);
        var cache = CommonOptions.LoadTimingCache(cachePath);
        var report = new SweepReport { Key = Key(dense, sparse, arguments.GetValue(_size) is not null, arguments.GetValue(_energy), threads, settings), Dense = dense, Sparse = sparse, Threads = threads, Seconds = settings.Seconds, Machine = MachineDescription.Text, Planned = points.Length, Points = [] };
        var finished = files.Finished(report.Key);
        SweepPoint?[] results = [.. points.Select(point => finished.FirstOrDefault(done => done.Batch == point.Batch && (point.Size is not { } size || (done.Width, done.Height) == (size.Width, size.Height))))];
        report = terminal.Track(events =>
        {
            var meter = CommonOptions.FindEnergyMeter(arguments.GetValue(_energy), events);
            for (var i = 0; i < points.Length; i++)
            {
                if (results[i] is not null) continue;
                cancellation.ThrowIfCancellationRequested();
                var (batch, size) = points[i];
                var part = new PartOfProgress(events, "sweep", i, points.Length, $"batch {batch}{(size is { } pixels ? $", {pixels}" : "")}");
                part.Begin();
                results[i] = Measure(dense, sparse, batch, size, settings, new EngineOptions { MaxBatch = batch, Threads = threads, TimingCache = cache }, meter, part, cancellation);
                files.Write(Done());
                if (cachePath is not null) cache.Save(cachePath);
            }
            files.Write(Done());
            PartOfProgress.End(events, "sweep", points.Length);
            return Done();

            SweepReport Done() => report with { Points = [.. results.OfType<SweepPoint>()] };
        });
        terminal.Result(report, console =>
        {
            SweepTable.Draw(console, report);
            console.Line($"Figures: {Path.GetFullPath(output)}, numbers: {files.Json}");
        });
        return report.Points.Any(point => point.Failure is not null) ? Program.Failed : Program.Done;
    }

    private static SweepPoint Measure(string dense, string sparse, int batch, ImageSize? size, BenchmarkSettings settings, EngineOptions options, EnergyMeter? meter, IProgress<PithEvent> events, CancellationToken cancellation)
    {
        try
        {
            using var first = EngineFile.Open(dense, options, events, size);
            using var second = EngineFile.Open(sparse, options, events, size);
            if (first.MaxBatch != batch || second.MaxBatch != batch) throw new PithException($"the networks take batches of {first.MaxBatch} and {second.MaxBatch} only, as their files say");
            using var denseContext = first.CreateContext();
            using var sparseContext = second.CreateContext();
            var results = Benchmark.Run([denseContext, sparseContext], settings, "sweep", events, cancellation);
            var ratio = SpeedRatio.Of(results[1], results[0]);
            var (width, height) = size is { } given ? (given.Width, given.Height) : SizeOf(first);
            EnergyResult? Energy(EngineContext context) => meter is null ? null : EnergyResult.Measure(meter, BenchmarkTarget.Of(context), settings, "energy", events, cancellation);
            return new SweepPoint { Batch = batch, Width = width, Height = height, DenseEnergy = Energy(denseContext), SparseEnergy = Energy(sparseContext), DenseMs = results[0].MedianMs, SparseMs = results[1].MedianMs, Speedup = ratio.Median, LowerQuartile = ratio.LowerQuartile, UpperQuartile = ratio.UpperQuartile, Rounds = ratio.Rounds };
        }
        catch (PithException failure)
        {
            // The other points may do.
            return new SweepPoint { Batch = batch, Width = size?.Width ?? 0, Height = size?.Height ?? 0, Failure = failure.Message };
        }
    }

    private static (int Width, int Height) SizeOf(Engine engine) =>
        engine.Inputs.Select(input => ImageResizing.Axes(input.Type) is { } axes ? (input.Type[axes.Width].Size, input.Type[axes.Height].Size) : (0, 0)).FirstOrDefault(size => size.Item1 > 0);

    // Without what decides the times, those of another command would be taken for these.
    private static string Key(string dense, string sparse, bool hasSizes, bool hasEnergy, int threads, BenchmarkSettings settings)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"{Identity(dense)} {Identity(sparse)} {hasSizes} {(hasEnergy ? "energy " : "")}{threads} {settings.Seconds} {MachineDescription.Text} {PithVersion.Text}");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }

    private static string Identity(string model)
    {
        if (!File.Exists(model)) return model;
        using var file = File.OpenRead(model);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }

    private static int[] Batches(string list) => [.. list.Split(',').Select(text =>
        int.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var batch) && batch is >= 1 and <= 4096 ? batch
        : throw new UsageException($"--batch must be numbers from 1 to 4096, separated by commas, e.g. 1,8,32; got '{list}'.")).Distinct()];

    private static ImageSize?[] Sizes(string? list) => list is null ? [null] : [.. list.Split(',').Select(text =>
        ImageSize.Parse(text.Trim())
        ?? throw new UsageException($"--size must be sizes in pixels, separated by commas, e.g. 224x224,1024x512; got '{list}'.")).Distinct()];
}
