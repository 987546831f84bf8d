namespace Pith.Ops;

/// <summary>ONNX Upsample, which opset 10 replaced: read as the <see cref="Resize"/> that computes the same.</summary>
public static class Upsample
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } =
        new("Upsample", reader => ResizeAttributes.ReadWithScales(reader, reader.Opset < 9 ? null : 1)) { SinceVersion = 7, MaxInputs = 2 };
}
