using System.Text.Json.Serialization;

namespace Pith.Compression.Reconstruction;

/// <summary>Quantized weights of a layer as the graph stores them, with their steps and the biases that go with them.</summary>
/// <param name="Weights">Whole multiples of the steps, in the order of the constant.</param>
/// <param name="Biases">One for each output channel; none where the layer takes none.</param>
/// <param name="Scales">One step for each output channel, or one for all.</param>
internal sealed record RoundedWeights([property: JsonConverter(typeof(ExactFloats))] float[] Weights, [property: JsonConverter(typeof(ExactFloats))] float[] Biases, [property: JsonConverter(typeof(ExactFloats))] float[] Scales);
