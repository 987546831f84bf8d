using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Pith.Compression.Reconstruction;

/// <summary>Floats in JSON as their bytes in base 64: all bits, in a third of the space that digits take.</summary>
internal sealed class ExactFloats : JsonConverter<float[]>
{
    public override float[] Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) => MemoryMarshal.Cast<byte, float>(reader.GetBytesFromBase64()).ToArray();

    public override void Write(Utf8JsonWriter writer, float[] value, JsonSerializerOptions options) => writer.WriteBase64StringValue(MemoryMarshal.AsBytes(value.AsSpan()));
}
