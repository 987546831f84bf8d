using Pith.Ops;

namespace Pith.EngineTests.Fp32;

/// <summary>What follows a contraction in tests of float kernels.</summary>
/// <param name="Activation">One of <see cref="Activations"/>.</param>
/// <param name="HasResidual">Whether something is added before.</param>
/// <param name="HasBias">Whether the contraction has a bias.</param>
internal sealed record Epilogue(string Activation, bool HasResidual = false, bool HasBias = true)
{
    /// <summary>Names of activations.</summary>
    public static IReadOnlyList<string> Activations { get; } = ["none", "relu", "clip", "leaky", "hardswish", "hardsigmoid", "sigmoid", "silu"];

    /// <summary>Each activation with a residual and without one, and contractions without a bias.</summary>
    public static IReadOnlyList<Epilogue> All { get; } =
        [.. from activation in Activations from hasResidual in new[] { false, true } select new Epilogue(activation, hasResidual), new("none", false, false), new("relu", true, false)];

    /// <summary>One of all: neighbouring indices differ in activation and residual, and as many in a row as there are give each once.</summary>
    public static Epilogue At(int index) => All[index * 5 % All.Count];

    /// <summary>Adds the activation to a graph.</summary>
    public Value Activated(Graph graph, Value y) => Activation switch
    {
        "none" => y,
        "relu" => graph.Add(new Relu(), y),
        "clip" => graph.Add(new Clip(), y, graph.AddConstant("low", Tensor.Scalar(-0.5f)), graph.AddConstant("high", Tensor.Scalar(1.5f))),
        "leaky" => graph.Add(new LeakyRelu(0.2f), y),
        "hardswish" => graph.Add(new HardSwish(), y),
        "hardsigmoid" => graph.Add(new HardSigmoid(), y),
        "sigmoid" => graph.Add(new Sigmoid(), y),
        "silu" => graph.Add(new Mul(), y, graph.Add(new Sigmoid(), y)),
        _ => throw new InvalidOperationException($"There is no activation '{Activation}'."),
    };

    /// <summary>The activation of a number. Its slope is at most 1.5.</summary>
    public double Value(double y) => Activation switch
    {
        "none" => y,
        "relu" => Math.Max(0, y),
        "clip" => Math.Clamp(y, -0.5, 1.5),
        "leaky" => y < 0 ? 0.2f * y : y,
        "hardswish" => y * Math.Clamp(y / 6 + 0.5, 0, 1),
        "hardsigmoid" => Math.Clamp(0.2f * y + 0.5, 0, 1),
        "sigmoid" => 1 / (1 + Math.Exp(-y)),
        "silu" => y / (1 + Math.Exp(-y)),
        _ => throw new InvalidOperationException($"There is no activation '{Activation}'."),
    };
}
