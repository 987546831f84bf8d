using System.Text.Json.Serialization;

namespace Pith.Compression.Quantization;

/// <summary>How the 8 bits of an activation stand for real numbers.</summary>
public enum ActivationForm
{
    /// <summary>int8 with zero point 0, the only form that TensorRT takes.</summary>
    Int8,

    /// <summary>uint8 with a zero point: all 256 steps lie between the smallest and the largest value.</summary>
    [JsonStringEnumMemberName("uint8")]
    UInt8,

    /// <summary>Zero point 0, without a sign bit where no value is negative: uint8 there, int8 elsewhere.</summary>
    Symmetric,
}
