namespace Pith.Compression.Evaluation;

/// <summary>How a weight is rounded.</summary>
/// <param name="Channels">Output channels.</param>
/// <param name="OneScale">Whether all of them share one scale.</param>
/// <param name="FewLevels">Channels whose largest weight is below <see cref="ChannelUse.FewLevelsBelow"/> steps, those of zeros left out.</param>
/// <param name="Error">The rounded weight against the float model's; null when that is not known or another one.</param>
/// <param name="WorstChannelDecibels">The same for the output channel that is furthest off, which the error of the whole weight may hide.</param>
public sealed record WeightDiagnosis(int Channels, bool OneScale, int FewLevels, TensorError? Error, double? WorstChannelDecibels);

/// <summary>A quantized layer and what its quantization costs.</summary>
/// <param name="Name">The node's name.</param>
/// <param name="OpType">Its op.</param>
/// <param name="Tensors">The activations that are quantized for it.</param>
/// <param name="Weight">Its weight; null when it has none of 8 bits.</param>
public sealed record LayerDiagnosis(string Name, string OpType, IReadOnlyList<string> Tensors, WeightDiagnosis? Weight)
{
    /// <summary>The relative error of the outputs when only this layer is quantized, in a float network; null when it was not measured.</summary>
    public double? ErrorAlone { get; init; }

    /// <summary>The relative error of the outputs when this layer is in float, in the quantized network; null when it was not measured.</summary>
    public double? ErrorWithout { get; init; }

    /// <summary><see cref="ErrorAlone"/> as a share of the sum over all layers, 0 to 1.</summary>
    public double? Share { get; init; }

    /// <summary>The part of the network's error that goes away with this layer in float; negative when it grows.</summary>
    public double? Gain { get; init; }
}

/// <summary>The quantized network with its costliest layers in float together.</summary>
/// <param name="Layers">Their names, costliest first.</param>
/// <param name="Error">The relative error of the outputs that is left.</param>
public sealed record FloatLayersTrial(IReadOnlyList<string> Layers, double Error);
