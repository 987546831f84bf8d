using Pith.Compression.Data;

namespace Pith.Fuzz.Pipeline;

/// <summary>Labelled images of noise; the same index, the same image.</summary>
internal sealed class RandomImages(int count, int channels, int height, int width, int classes) : ImageDataset
{
    public override string Name => "noise";

    public override int Count => count;

    public override IReadOnlyList<string> ClassNames { get; } = [.. Enumerable.Range(0, classes).Select(label => $"class {label}")];

    public override ImageShape? Shape => new ImageShape(channels, height, width);

    public override Preprocessing DefaultPreprocessing => Preprocessing.Raw with { Scale = 1.0 / 255, Mean = ValueList.Repeat(0.5f, channels), Std = ValueList.Repeat(0.25f, channels) };

    public override int Label(int index) => index % classes;

    public override Sample Load(int index)
    {
        var pixels = new byte[channels * height * width];
        new Random(index).NextBytes(pixels);
        return new Sample(Label(index), new Image(width, height, channels, pixels));
    }
}
