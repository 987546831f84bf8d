using System.Globalization;

namespace Pith.Compression.Data;

/// <summary>A number that an augmentation takes.</summary>
/// <param name="Name">What messages and help call it.</param>
/// <param name="Default">Its value when it is left out; null: that of the number before it.</param>
/// <param name="Least">The smallest that is accepted.</param>
/// <param name="Most">The largest that is accepted.</param>
internal sealed record AugmentationValue(string Name, double? Default, double Least, double Most)
{
    /// <summary>Whether it is a whole number.</summary>
    public bool IsWhole { get; init; }
}

/// <summary>A kind of augmentation: how it is written, <c>name</c> or <c>name=value/value</c>, and what makes it.</summary>
/// <param name="Name">The word.</param>
/// <param name="Values">Its numbers, in order; any at the end may be left out.</param>
/// <param name="Help">What it does, for documents.</param>
/// <param name="Create">Makes it of all its numbers: an <see cref="ICropAugmentation"/>, <see cref="IPixelAugmentation"/>, <see cref="IValueAugmentation"/> or <see cref="IMixAugmentation"/>.</param>
internal sealed record AugmentationKind(string Name, ValueList<AugmentationValue> Values, string Help, Func<IReadOnlyList<double>, object> Create)
{
    /// <summary>How it is written, numbers with their defaults: <c>randaugment=2/9</c>.</summary>
    public string Example => $"{Name}={Text(Complete([]))}";

    /// <summary>Reads what follows the equals sign; null: nothing does.</summary>
    /// <exception cref="PithException">There are too many numbers, or one is out of range.</exception>
    public ValueList<double> Read(string? text)
    {
        var parts = text?.Split('/') ?? [];
        if (parts.Length > Values.Count) throw new PithException($"'augment': {Name} takes at most {Values.Count} number{(Values.Count == 1 ? "" : "s")} ({Names}), got '{text}'.");
        var given = new double[parts.Length];
        for (var i = 0; i < parts.Length; i++)
        {
            var value = Values[i];
            var isNumber = double.TryParse(parts[i], NumberStyles.Float, CultureInfo.InvariantCulture, out given[i]);
            if (isNumber && given[i] >= value.Least && given[i] <= value.Most && (!value.IsWhole || given[i] == Math.Truncate(given[i]))) continue;
            throw new PithException(string.Create(CultureInfo.InvariantCulture, $"'augment': {value.Name} of {Name}: expected a {(value.IsWhole ? "whole " : "")}number from {value.Least} to {value.Most}, got '{parts[i]}'. It is written {Example}."));
        }
        return Complete(given);
    }

    /// <summary>The names of its numbers.</summary>
    public string Names => string.Join('/', Values.Select(value => value.Name));

    /// <summary>Numbers as they are written.</summary>
    public static string Text(IEnumerable<double> values) => string.Join('/', values.Select(value => value.ToString("R", CultureInfo.InvariantCulture)));

    private ValueList<double> Complete(double[] given)
    {
        var all = new List<double>(given);
        for (var i = all.Count; i < Values.Count; i++) all.Add(Values[i].Default ?? all[i - 1]);
        return all.ToValueList();
    }
}

/// <summary>Chooses the part of an image that becomes the network's input.</summary>
internal interface ICropAugmentation
{
    CropWindow Draw(int width, int height, ref SeededRandom random);
}

/// <summary>Changes an 8-bit image of the network's size. Gives the image itself or another one of the same size.</summary>
internal interface IPixelAugmentation
{
    Image Apply(Image image, ref SeededRandom random);
}

/// <summary>Changes normalised values [C, H, W] in place.</summary>
internal interface IValueAugmentation
{
    void Apply(Span<float> chw, ImageShape shape, ref SeededRandom random);
}

/// <summary>Mixes each sample of a batch with another one.</summary>
internal interface IMixAugmentation
{
    BatchMix Draw(ImageShape shape, ref SeededRandom random);
}
