using Pith.Ops;

namespace Pith.EngineTests.Fp32;

/// <summary>What follows a contraction in tests, by name.</summary>
internal static class Epilogue
{
    /// <summary>All of them; who builds the contraction leaves out the bias or adds the residual.</summary>
    public static string[] All { get; } = ["", "no bias", "relu", "clip", "leaky", "hardswish", "hardsigmoid", "sigmoid", "silu", "residual", "residual and relu"];

    /// <summary>Adds the activation to a graph.</summary>
    public static Value Activated(Graph graph, Value y, string epilogue) => epilogue switch
    {
        "relu" or "residual and relu" => graph.Add(new Relu(), y),
        "clip" => graph.Add(new Clip(), y, graph.AddConstant("low", Tensor.Scalar(-0.5f)), graph.AddConstant("high", Tensor.Scalar(1.5f))),
        "leaky" => graph.Add(new LeakyRelu(0.2f), y),
        "hardswish" => graph.Add(new HardSwish(), y),
        "hardsigmoid" => graph.Add(new HardSigmoid(), y),
        "sigmoid" => graph.Add(new Sigmoid(), y),
        "silu" => graph.Add(new Mul(), y, graph.Add(new Sigmoid(), y)),
        _ => y,
    };

    /// <summary>The activation of a number. Its slope is at most 1.5.</summary>
    public static double Value(double y, string epilogue) => epilogue switch
    {
        "relu" or "residual and relu" => Math.Max(0, y),
        "clip" => Math.Clamp(y, -0.5, 1.5),
        "leaky" => y < 0 ? 0.2f * y : y,
        "hardswish" => y * Math.Clamp(y / 6 + 0.5, 0, 1),
        "hardsigmoid" => Math.Clamp(0.2f * y + 0.5, 0, 1),
        "sigmoid" => 1 / (1 + Math.Exp(-y)),
        "silu" => y / (1 + Math.Exp(-y)),
        _ => y,
    };
}
