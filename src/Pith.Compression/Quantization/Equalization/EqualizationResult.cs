namespace Pith.Compression.Quantization;

/// <summary>What equalisation did to channels that can only be scaled together.</summary>
/// <param name="Values">Names of the values that have the channels.</param>
/// <param name="Channels">How many channels.</param>
/// <param name="SmallestFactor">The smallest factor that was chosen; 1 when none was.</param>
/// <param name="LargestFactor">The largest factor.</param>
/// <param name="KeptReason">Why the channels are as they were, for people; null when they were scaled.</param>
public sealed record EqualizedChannels(IReadOnlyList<string> Values, int Channels, double SmallestFactor, double LargestFactor, string? KeptReason);

/// <summary>An equalised network, and how it came about.</summary>
/// <param name="Graph">A float network that computes what the original does.</param>
/// <param name="Classes">What was done to the channels of each class, in the order of the layers that make them.</param>
/// <param name="Factors">The factors of each unit, all 1 where it stayed as it was; <see cref="ChannelEqualization.With"/> makes the same graph of them.</param>
/// <param name="ErrorBefore">The relative error of the outputs of the quantized original: the energy of the difference over the energy of the outputs.</param>
/// <param name="ErrorAfter">The same of the quantized result, at most <paramref name="ErrorBefore"/>.</param>
public sealed record EqualizationResult(Graph Graph, IReadOnlyList<EqualizedChannels> Classes, double[][] Factors, double ErrorBefore, double ErrorAfter);
