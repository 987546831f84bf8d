namespace Pith.Onnx;

/// <summary>Which versions of ONNX's own op set Pith reads and writes, and which file version goes with each.</summary>
internal static class Opsets
{
    public const int OldestRead = 7;
    public const int OldestWritten = 13; // the first with per-axis QuantizeLinear
    public const int DefaultWritten = 17; // the first with LayerNormalization; runtimes of 2022 and later read it
    public const int Newest = 21;

    // Ops that opset 7 or a step before it gave another meaning (broadcasting by attribute, training mode by default, attributes that became operands).
    private static readonly HashSet<string> s_changedBeforeOldestRead = new(StringComparer.Ordinal)
    {
        "Add", "And", "AveragePool", "BatchNormalization", "Cast", "Concat", "Div", "Dropout", "Equal", "GRU", "Gemm", "GlobalLpPool", "Greater", "LSTM", "Less",
        "LpPool", "Max", "Mean", "Min", "Mul", "Or", "PRelu", "Pad", "Pow", "RNN", "Reshape", "Split", "Sub", "Sum", "Tile", "Upsample", "Xor",
    };

    /// <summary>True when a node of <paramref name="op"/> in a file of an opset before <see cref="OldestRead"/> means what it means since then.</summary>
    public static bool IsReadable(string op, int opset) => opset >= OldestRead || !s_changedBeforeOldestRead.Contains(op);

    /// <summary>The oldest file version (IR version) that may declare <paramref name="opset"/>.</summary>
    public static int IrVersion(int opset) => opset switch
    {
        <= 14 => 7,
        <= 18 => 8,
        <= 20 => 9,
        _ => 10,
    };
}
