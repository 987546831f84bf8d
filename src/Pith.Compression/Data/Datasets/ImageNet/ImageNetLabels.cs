using System.Globalization;

namespace Pith.Compression.Data;

/// <summary>
/// The classes of ImageNet's images. Networks count classes in the order of the WordNet IDs, from 0. Training images lie in an archive or folder of their class; validation images that lie in one folder have theirs in a list:
/// ILSVRC2012_validation_ground_truth.txt (a number or ID a line, by the number in the image's name), LOC_val_solution.csv (image, ID …) or val.txt (image, class from 0).
/// </summary>
internal static class ImageNetLabels
{
    private const string GroundTruth = "ILSVRC2012_validation_ground_truth.txt", ImageIds = "imagenet_2012_validation_synset_labels.txt", Solution = "LOC_val_solution.csv", Classes = "val.txt";

    // Those with the numbers of the ground truth come first.
    private static readonly string[] s_synsets = ["map_clsloc.txt", "synsets.txt", "LOC_synset_mapping.txt", "synset_words.txt"];

    /// <summary>Every list that is looked for.</summary>
    public static string[] Names => [.. s_synsets, GroundTruth, ImageIds, Solution, Classes];

    /// <summary>The list of classes beside the images; null when there is none.</summary>
    public static Synsets? FindSynsets(ImageNetFiles files) => files.List(s_synsets) is { } list ? Synsets.Parse(list.Content, list.Source) : null;

    /// <summary>The class of each image that lies in one folder with all others.</summary>
    /// <param name="files">Where lists are looked for.</param>
    /// <param name="synsets">The classes; null when no list was found.</param>
    /// <param name="idsAreSorted">Whether numbers of the ground truth are places in the order of the IDs, from 1.</param>
    /// <param name="spec">The specification, for messages.</param>
    /// <exception cref="PithException">There is no list, or it cannot be understood without another one.</exception>
    public static Func<ImageNetImage, int> OfValidation(ImageNetFiles files, Synsets? synsets, bool idsAreSorted, string spec)
    {
        if (files.List(Solution) is { } solution) return BySolution(solution.Content, solution.Source, synsets, spec);
        if (files.List(GroundTruth, ImageIds) is { } truth) return ByLine(truth.Content, truth.Source, synsets, idsAreSorted, spec);
        if (files.List(Classes) is { } classes) return ByName(classes.Content, classes.Source);
        throw new PithException($"Dataset '{spec}': the images of '{files.Source}' are in no folder of their class, and none of {GroundTruth}, {ImageIds}, {Solution}, {Classes} is in '{files.Root}'. The first is part of the development kit, ILSVRC2012_devkit_t12.tar.gz.");
    }

    private static Func<ImageNetImage, int> BySolution(byte[] text, string source, Synsets? synsets, string spec)
    {
        Required(synsets, source, spec);
        var ids = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (line, number) in Synsets.Lines(text).Skip(1)) // ImageId,PredictionString
        {
            var parts = line.Split(',', ' ');
            if (parts.Length < 2 || !Synsets.IsId(parts[1]) || !ids.TryAdd(parts[0], parts[1])) throw new PithException($"'{source}', line {number}: expected 'ILSVRC2012_val_00000001,n01751748 …' once for each image, got '{line}'.");
        }
        return image => ids.TryGetValue(Path.GetFileNameWithoutExtension(image.Name), out var id) ? synsets!.ClassOf(id, $"'{image.Name}'") : throw Unlisted(image, source);
    }

    private static Func<ImageNetImage, int> ByName(byte[] text, string source)
    {
        var classes = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (line, number) in Synsets.Lines(text))
            if (line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is not [var name, var label] || !TryNumber(label, 0, out var value) || !classes.TryAdd(Path.GetFileName(name), value))
                throw new PithException($"'{source}', line {number}: expected 'ILSVRC2012_val_00000001.JPEG 65' once for each image, got '{line}'.");
        return image => classes.TryGetValue(image.Name, out var label) ? label : throw Unlisted(image, source);
    }

    private static Func<ImageNetImage, int> ByLine(byte[] text, string source, Synsets? synsets, bool idsAreSorted, string spec)
    {
        (string Line, int Number)[] lines = [.. Synsets.Lines(text)];
        var classes = new int[lines.Length];
        var ofNumber = new Lazy<Func<int, int>>(() => ClassOfNumber(source, synsets, idsAreSorted, spec));
        for (var i = 0; i < lines.Length; i++)
        {
            var (line, number) = lines[i];
            if (Synsets.IsId(line)) classes[i] = Required(synsets, source, spec).ClassOf(line, $"'{source}', line {number}");
            else if (TryNumber(line, 1, out var value)) classes[i] = ofNumber.Value(value) is >= 0 and var found ? found : throw new PithException($"'{source}', line {number}: class {value}, which '{synsets!.Source}' does not list.");
            else throw new PithException($"'{source}', line {number}: expected the number of a class from 1, or a WordNet ID, got '{line}'.");
        }
        return image =>
        {
            var name = Path.GetFileNameWithoutExtension(image.Name);
            var digits = name[(name.AsSpan().LastIndexOfAnyExceptInRange('0', '9') + 1)..];
            if (!int.TryParse(digits, CultureInfo.InvariantCulture, out var at)) throw new PithException($"Validation image '{image.Name}' has no number at the end of its name, which '{source}' needs: ILSVRC2012_val_00000001.JPEG has the class of line 1.");
            return at >= 1 && at <= classes.Length ? classes[at - 1] : throw new PithException($"Validation image '{image.Name}': '{source}' has {classes.Length} lines, none for number {at}.");
        };
    }

    /// <summary>The class, from 0, of a number of the ground truth; negative when there is none.</summary>
    private static Func<int, int> ClassOfNumber(string source, Synsets? synsets, bool idsAreSorted, string spec)
    {
        if (idsAreSorted) return number => synsets is null || number <= synsets.ClassNames.Count ? number - 1 : -1;
        var known = Required(synsets, source, spec);
        // A list that is not in the order of the IDs can only be in that of the numbers.
        Synset[] numbered = known.InFileOrder.Any(synset => synset.Number is not null) ? [.. known.InFileOrder.Where(synset => synset.Number is not null)]
            : !known.IsSorted ? [.. known.InFileOrder.Select((synset, i) => synset with { Number = i + 1 })]
            : throw new PithException($"Dataset '{spec}': '{source}' counts classes by ILSVRC2012_ID, which is not the order of the WordNet IDs, and '{known.Source}' does not say which class has which. {NumbersAdvice}");
        var classes = numbered.ToDictionary(synset => synset.Number!.Value, synset => known.ClassOf(synset.Id, ""));
        return number => classes.GetValueOrDefault(number, -1);
    }

    private const string NumbersAdvice = "Put a list with the numbers beside it: map_clsloc.txt of a later development kit (n02119789 1 kit_fox), or synsets.txt with lines 'ILSVRC2012_ID WNID words' from meta.mat. If the numbers were made to count the WordNet IDs in order, from 1, say ?ids=sorted.";

    private static Synsets Required(Synsets? synsets, string source, string spec) =>
        synsets ?? throw new PithException($"Dataset '{spec}': '{source}' names classes, but there is no list of them ({string.Join(", ", s_synsets)}). {NumbersAdvice}");

    private static bool TryNumber(string text, int least, out int value) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value >= least && value <= 1_000_000;

    private static PithException Unlisted(ImageNetImage image, string source) => new($"Validation image '{image.Name}' is not listed in '{source}'.");
}
