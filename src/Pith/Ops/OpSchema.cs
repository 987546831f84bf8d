namespace Pith;

/// <summary>The signature of an op: what its ONNX text calls name, domain, since-version, inputs and outputs.</summary>
/// <param name="Name">The ONNX op type, e.g. <c>Conv</c>.</param>
/// <param name="Read">Builds the op from a node of a file.</param>
public sealed record OpSchema(string Name, Func<OpReader, Op> Read)
{
    /// <summary>The domain of ONNX's own ops.</summary>
    public const string OnnxDomain = "";

    /// <summary>The domain of ops that only Pith has, such as gradients.</summary>
    public const string PithDomain = "pith";

    /// <summary>The domain, <see cref="OnnxDomain"/> unless said otherwise.</summary>
    public string Domain { get; init; } = OnnxDomain;

    /// <summary>The first opset in which the op exists; an exported file declares at least this one.</summary>
    public int SinceVersion { get; init; } = 1;

    /// <summary>Fewest operands.</summary>
    public int MinInputs { get; init; } = 1;

    /// <summary>Most operands, absent optional ones included; <see cref="int.MaxValue"/> for variadic ops.</summary>
    public int MaxInputs { get; init; } = 1;

    /// <summary>Fewest outputs.</summary>
    public int MinOutputs { get; init; } = 1;

    /// <summary>Most outputs.</summary>
    public int MaxOutputs { get; init; } = 1;

    /// <summary>Operands that decide the output's shape and must therefore be known when the graph is built (Reshape's shape, Slice's starts …).</summary>
    public ValueList<int> ShapeOperands { get; init; } = [];
}
