namespace Pith.Training;

/// <summary>Reverse-mode differentiation that emits an ordinary graph, so that the engine compiles and runs training like anything else.</summary>
public static class Autodiff
{
    /// <summary>
    /// Adds to <paramref name="graph"/> the nodes that compute the gradient of <paramref name="loss"/> with respect to each of <paramref name="parameters"/>.
    /// </summary>
    /// <param name="graph">The forward graph; changed.</param>
    /// <param name="loss">A scalar of the graph.</param>
    /// <param name="parameters">Inputs or constants of the graph.</param>
    /// <returns>The gradients, one per parameter and of its type. A parameter that the loss does not depend on gets a constant of zeros.</returns>
    /// <exception cref="PithException">The loss is not a scalar, or an op between it and a parameter has no gradient.</exception>
    public static IReadOnlyList<Value> Build(Graph graph, Value loss, IReadOnlyList<Value> parameters)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(loss);
        ArgumentNullException.ThrowIfNull(parameters);
        if (loss.Type.Rank != 0 || loss.Type.DataType != DataType.Float32) throw new PithException($"The loss must be a float scalar, '{loss.Name}' is {loss.Type}.");

        var forward = graph.Nodes.ToArray();
        var dependent = DependentOn(forward, parameters);
        var gradients = new Dictionary<Value, Value>(ReferenceEqualityComparer.Instance)
        {
            [loss] = graph.AddConstant("grad/loss", Tensor.Scalar(1f)),
        };
        foreach (var node in forward.Reverse())
        {
            var flowing = node.Outputs.Select(gradients.GetValueOrDefault).ToArray();
            if (flowing.All(gradient => gradient is null) || !node.Inputs.Any(input => input is not null && dependent.Contains(input))) continue;
            var context = new GradientContext(node, flowing, index => dependent.Contains(node.Inputs[index]!));
            var results = node.Op.Gradient(context);
            for (var i = 0; i < node.Inputs.Count; i++)
                if (node.Inputs[i] is { } input && results[i] is { } gradient && dependent.Contains(input)) Accumulate(graph, gradients, input, gradient);
        }
        return [.. parameters.Select(parameter => gradients.GetValueOrDefault(parameter) ?? Zeros(graph, parameter))];
    }

    private static void Accumulate(Graph graph, Dictionary<Value, Value> gradients, Value of, Value gradient)
    {
        gradients[of] = gradients.TryGetValue(of, out var sum)
            ? graph.AddNode(new Ops.Add(), [sum, gradient], $"{of.Name}/grad/Sum").Output
            : gradient;
    }

    private static HashSet<Value> DependentOn(IReadOnlyList<Node> nodes, IReadOnlyList<Value> parameters)
    {
        var dependent = new HashSet<Value>(parameters, ReferenceEqualityComparer.Instance);
        foreach (var node in nodes)
            if (node.Inputs.Any(input => input is not null && dependent.Contains(input))) dependent.UnionWith(node.Outputs);
        return dependent;
    }

    private static Value Zeros(Graph graph, Value parameter) =>
        graph.AddConstant($"{parameter.Name}/grad/zero", Tensor.Zeros(parameter.Type.DataType, parameter.Type.ToShape()));
}
