using System.CommandLine;
using Pith.Benchmarking;
using System.Globalization;
using Pith.Compression.Data;

namespace Pith.Cli.Verbs;

/// <summary>Options that several verbs share, so that they are spelled and explained the same everywhere. Each verb makes its own instances.</summary>
internal static class CommonOptions
{
    public static Argument<string> Model() => new("model") { Description = ModelFile.Help };

    public static Option<string?> Output(string what) => OutputFile(new("--output", "-o") { Description = $"Where to write {what}.", HelpName = "file" });

    /// <summary>Refuses, before any work is done, what cannot be the name of a file to write.</summary>
    public static Option<string?> OutputFile(Option<string?> option)
    {
        option.Validators.Add(result =>
        {
            if (result.Tokens is not [var token]) return;
            if (string.IsNullOrWhiteSpace(token.Value)) result.AddError($"{option.Name} needs the name of a file, got nothing.");
            else if (Directory.Exists(token.Value)) result.AddError($"{option.Name} needs the name of a file; '{token.Value}' is a folder.");
        });
        return option;
    }

    /// <summary>Refuses, before any work is done, what cannot be a folder to write into.</summary>
    public static Option<T> OutputFolder<T>(Option<T> option)
    {
        option.Validators.Add(result =>
        {
            if (result.Tokens is not [var token]) return;
            if (string.IsNullOrWhiteSpace(token.Value)) result.AddError($"{option.Name} needs the name of a folder, got nothing.");
            else if (File.Exists(token.Value)) result.AddError($"{option.Name} needs the name of a folder; '{token.Value}' is a file.");
        });
        return option;
    }

    public static Option<string> Data(string what = "The images.", bool required = true) => new("--data") { Description = $"{what} {SpecHelp}", HelpName = "spec", Required = required };

    public static Option<Preprocessing?> Preprocess(string what = "How images become the network's input", string otherwise = "what the model's metadata says, else what is usual for the data. A network that takes bytes normalises them itself: only the sizes and the order of channels count") => new("--preprocess")
    {
        Description = $"{what}: {string.Join(", ", PreprocessingCatalog.All.Select(known => known.Name))}; a JSON file; or fields, such as resize=299,crop=299,mean=0.5,std=0.5,bicubic (also std=0.229/0.224/0.225, scale=1, stretch, lanczos, bgr, grey, nhwc), after a name or alone. Default: {otherwise}.",
        HelpName = "spec",
        CustomParser = result =>
        {
            try
            {
                return Preprocessing.Parse(result.Tokens[0].Value);
            }
            catch (PithException wrong)
            {
                result.AddError(wrong.Message);
                return null;
            }
        },
    };

    public static Option<int> Threads()
    {
        const int Most = 1024;
        var option = new Option<int>("--threads") { Description = "Number of threads; 0 means one per processor.", HelpName = "n" };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, CultureInfo.InvariantCulture, out var threads) && threads is < 0 or > Most) result.AddError($"--threads must be 0 to {Most}, got {threads}.");
        });
        return option;
    }

    /// <summary>Refuses what is a number to the parser and not to anybody else: NaN and the infinities.</summary>
    public static Option<T> Finite<T>(Option<T> option)
    {
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && double.TryParse(token.Value, CultureInfo.InvariantCulture, out var number) && !double.IsFinite(number)) result.AddError($"{option.Name} must be a finite number, got {token.Value}.");
        });
        return option;
    }

    public static Option<int> Batch(int fallback) => new("--batch") { Description = "Images per run.", HelpName = "n", DefaultValueFactory = _ => fallback };

    /// <summary>Says that the batch the user asked for is not the one that runs, because the network's file fixes it.</summary>
    public static void NoteFixedBatch(ParseResult arguments, Option<int> batch, Engine engine, IProgress<PithEvent> events)
    {
        if (arguments.GetResult(batch) is not { Implicit: false } || arguments.GetValue(batch) == engine.MaxBatch) return;
        events.Report(new Warning($"Network '{engine.Name}' takes batches of {engine.MaxBatch} only, as its file says; {batch.Name} {arguments.GetValue(batch)} is not used."));
    }

    /// <summary>The size of images or sequences for networks that leave it open, or that can be built for another one.</summary>
    public static Option<InputSize?> Size() => new("--size")
    {
        Description = "Size of the images in pixels, WIDTHxHEIGHT (640x480: 640 columns, 480 rows) or one number for a square. For networks that leave height and width open; one that fixes them is built anew for this size if its layers allow. NAME=NUMBER, several separated by commas, sets other open sizes by name: sequence_length=128; one number is the length where only one is open.",
        HelpName = "size",
        CustomParser = result =>
        {
            if (result.Tokens is [var token] && InputSize.Parse(token.Value) is { } size) return size;
            result.AddError($"--size must be WIDTHxHEIGHT in pixels, e.g. 640x480, one number for a square, e.g. 224, or NAME=NUMBER for an open size, e.g. sequence_length=128; got '{string.Join(' ', result.Tokens.Select(token => token.Value))}'.");
            return null;
        },
    };

    public static Option<bool> Bf16() => new("--bf16") { Description = "Allow bfloat16 operands in float convolutions and matrix products, where the CPU supports them and they are faster; sums stay FP32. INT8 layers are unaffected." };

    public static Option<bool> Energy() => new("--energy") { Description = "Also measure the energy of an image, in joules, and images per joule, in runs of their own. Needs a machine that tells: RAPL (powercap) or hwmon on Linux; elsewhere the report says why it is not available." };

    /// <summary>The machine's energy counters; null when they were not asked for or are not there, which is then a warning.</summary>
    public static EnergyMeter? FindEnergyMeter(bool isWanted, IProgress<PithEvent> events)
    {
        if (!isWanted) return null;
        if (EnergyMeter.Find(out var unavailable) is { } meter) return meter;
        events.Report(new Warning($"Energy is not available here: {unavailable}."));
        return null;
    }

    public static Option<string?> TimingCache() =>
        OutputFile(new("--timing-cache") { Description = "File with timings of earlier builds; read when it is there, written afterwards.", HelpName = "file" });

    /// <summary>The cache that <see cref="TimingCache"/> names, an empty one when the file is not there yet.</summary>
    /// <exception cref="PithException">The file is not a timing cache.</exception>
    public static TimingCache LoadTimingCache(string? path) => path is not null && File.Exists(path) ? Pith.TimingCache.Load(path) : new TimingCache();

    private static string SpecHelp => $"One of {string.Join(", ", DatasetCatalog.All.Select(kind => kind.Syntax))}.";

    /// <summary>Checks a count.</summary>
    /// <exception cref="UsageException">It is out of range.</exception>
    public static int Require(string option, int value, int low, int high) =>
        value >= low && value <= high ? value : throw new UsageException($"{option} must be {low} to {high}, got {value}.");

    /// <summary>Checks a number; NaN is out of every range.</summary>
    /// <exception cref="UsageException">It is out of range.</exception>
    public static double Require(string option, double value, double low, double high) =>
        value >= low && value <= high ? value : throw new UsageException(string.Create(CultureInfo.InvariantCulture, $"{option} must be {low} to {high}, got {value}."));
}
