using System.Globalization;

namespace Pith.Compression.Data;

/// <summary>Samples that a program made itself: images to be preprocessed, or tensors that are the network's input already. Holds references; the data must not change.</summary>
public sealed class SampleDataset : ImageDataset
{
    private readonly Sample[] _samples;
    private readonly string[] _classNames;

    /// <summary>Takes samples as a dataset.</summary>
    /// <param name="samples">Enumerated once. A label of <see cref="ImageDataset.NoLabel"/> means none; either all have one or none has.</param>
    /// <param name="classNames">The name of each class; null: the numbers up to the largest label.</param>
    /// <param name="name">What messages call it.</param>
    /// <exception cref="PithException">There is no sample, or a label is not that of a class.</exception>
    public SampleDataset(IEnumerable<Sample> samples, IReadOnlyList<string>? classNames = null, string name = "samples")
    {
        ArgumentNullException.ThrowIfNull(samples);
        (_samples, Name) = ([.. samples], name);
        if (_samples.Length == 0) throw new PithException($"Dataset '{name}' has no samples.");
        var labelled = _samples.Count(sample => sample.Label != NoLabel);
        if (labelled != 0 && labelled != _samples.Length) throw new PithException($"Dataset '{name}': {labelled} of {_samples.Length} samples have a label. Expected all, or none for calibration.");
        var classes = labelled == 0 ? 0 : classNames?.Count ?? _samples.Max(sample => sample.Label) + 1;
        for (var i = 0; labelled > 0 && i < _samples.Length; i++)
            if (_samples[i].Label < 0 || _samples[i].Label >= classes) throw new PithException($"Dataset '{name}', sample {i}: label {_samples[i].Label}, expected 0 to {classes - 1}.");
        _classNames = [.. Enumerable.Range(0, classes).Select(label => classNames?[label] ?? label.ToString(CultureInfo.InvariantCulture))];
        Shape = _samples.All(sample => sample.Shape == _samples[0].Shape) ? _samples[0].Shape : null;
        DefaultPreprocessing = Preprocessing.Raw with { Scale = 1.0 / 255, Mean = ValueList.Repeat(0f, _samples[0].Shape.Channels), Std = ValueList.Repeat(1f, _samples[0].Shape.Channels) };
    }

    /// <summary>Takes tensors that are the network's input already.</summary>
    /// <param name="samples">float32 [C, H, W], or [1, C, H, W], each with its class; enumerated once.</param>
    /// <param name="classNames">The name of each class; null: the numbers up to the largest label.</param>
    /// <param name="name">What messages call it.</param>
    /// <exception cref="PithException">A tensor is of another type or rank, or see the other constructor.</exception>
    public SampleDataset(IEnumerable<(Tensor Input, int Label)> samples, IReadOnlyList<string>? classNames = null, string name = "samples")
        : this((samples ?? throw new ArgumentNullException(nameof(samples))).Select((sample, i) => SampleOf(sample.Input, sample.Label, name, i)), classNames, name) { }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count => _samples.Length;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => _classNames;

    /// <inheritdoc/>
    public override ImageShape? Shape { get; }

    /// <inheritdoc/>
    public override Preprocessing DefaultPreprocessing { get; }

    /// <inheritdoc/>
    public override int Label(int index) => _samples[index].Label;

    /// <inheritdoc/>
    public override Sample Load(int index) => _samples[index];

    private static Sample SampleOf(Tensor input, int label, string name, int index)
    {
        var dims = input.Shape;
        if (input is not Tensor<float> values || (dims.Rank != 3 && !(dims.Rank == 4 && dims[0] == 1)))
            throw new PithException($"Dataset '{name}', sample {index}: {input}, expected float32 [C, H, W] or [1, C, H, W].");
        return new Sample(label, values.Data.AsMemory(), new ImageShape(dims[dims.Rank - 3], dims[dims.Rank - 2], dims[dims.Rank - 1]));
    }
}
