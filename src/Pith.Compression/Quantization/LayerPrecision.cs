namespace Pith.Compression;

/// <summary>What a layer computes with.</summary>
public enum LayerPrecision
{
    /// <summary>8-bit integers.</summary>
    Int8,

    /// <summary>32-bit floats: the layer's operands are left alone.</summary>
    Float32,
}
