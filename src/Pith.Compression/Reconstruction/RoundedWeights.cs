using System.Runtime.InteropServices;
using System.Text.Json.Serialization;

namespace Pith.Compression.Reconstruction;

/// <summary>Quantized weights of a layer as the graph stores them, with their steps and the biases that go with them.</summary>
/// <param name="Weights">Whole multiples of the steps, in the order of the constant.</param>
/// <param name="Biases">One for each output channel; none where the layer takes none.</param>
/// <param name="Scales">One step for each output channel, or one for all.</param>
internal sealed record RoundedWeights([property: JsonConverter(typeof(RoundedWeights.Exactly))] float[] Weights, [property: JsonConverter(typeof(RoundedWeights.Exactly))] float[] Biases, [property: JsonConverter(typeof(RoundedWeights.Exactly))] float[] Scales)
{
    /// <summary>The bytes of floats in base 64: all bits, in a third of the space that digits take.</summary>
    internal sealed class Exactly : JsonConverter<float[]>
    {
        public override float[] Read(ref System.Text.Json.Utf8JsonReader reader, Type type, System.Text.Json.JsonSerializerOptions options) => MemoryMarshal.Cast<byte, float>(reader.GetBytesFromBase64()).ToArray();

        public override void Write(System.Text.Json.Utf8JsonWriter writer, float[] value, System.Text.Json.JsonSerializerOptions options) => writer.WriteBase64StringValue(MemoryMarshal.AsBytes(value.AsSpan()));
    }
}
