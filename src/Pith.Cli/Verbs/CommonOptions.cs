using System.CommandLine;
using Pith.Compression.Data;

namespace Pith.Cli.Verbs;

/// <summary>Options that several verbs share, so that they are spelled and explained the same everywhere. Each verb makes its own instances.</summary>
internal static class CommonOptions
{
    public static Argument<string> Model() => new("model") { Description = ModelFile.Help };

    public static Option<string?> Output(string what) => new("--output", "-o") { Description = $"Where to write {what}.", HelpName = "file" };

    public static Option<string> Data(string what = "The images.", bool required = true) => new("--data") { Description = $"{what} {SpecHelp}", HelpName = "spec", Required = required };

    public static Option<string?> Preprocess() => new("--preprocess")
    {
        Description = $"How images become the network's input: {string.Join(", ", PreprocessingCatalog.All.Select(known => known.Name))}. Default: what the model's metadata says, else what is usual for the data.",
        HelpName = "name",
    };

    public static Option<int> Threads() => new("--threads") { Description = "Threads; 0 means one per processor.", HelpName = "n" };

    public static Option<int> Batch(int fallback) => new("--batch") { Description = "Images of one run.", HelpName = "n", DefaultValueFactory = _ => fallback };

    private static string SpecHelp => $"One of {string.Join(", ", DatasetCatalog.All.Select(kind => kind.Syntax))}.";

    /// <summary>Checks a count.</summary>
    /// <exception cref="UsageException">It is out of range.</exception>
    public static int Require(string option, int value, int low, int high) =>
        value >= low && value <= high ? value : throw new UsageException($"{option} must be {low} to {high}, got {value}.");
}
