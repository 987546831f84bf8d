using Pith.Ops;
using Pith.Training;

namespace Pith.Tests.Gradients;

/// <summary>
/// Compares the gradients that <see cref="Autodiff"/> emits with central differences of the interpreter. The loss is a sum of all outputs with fixed
/// random weights, so that no two elements of a gradient can be confused.
/// </summary>
internal static class GradientCheck
{
    /// <summary>Checks one op, every operand of which is differentiated.</summary>
    public static void Check(Op op, params Tensor<float>[] inputs) => Check((graph, values) => graph.AddNode(op, [.. values]).Outputs, inputs);

    /// <summary>Checks a network with one output.</summary>
    public static void Check(Func<Graph, IReadOnlyList<Value>, Value> network, params Tensor<float>[] inputs) => Check((graph, values) => [network(graph, values)], inputs);

    /// <summary>Checks a network.</summary>
    /// <param name="network">Adds the network to a graph, given the inputs' values, and returns the outputs that the loss depends on.</param>
    /// <param name="inputs">Where the gradients are taken; keep them away from kinks by more than <paramref name="step"/>.</param>
    /// <param name="symbolicBatch">True to declare axis 0 of every input as <c>N</c> while gradients are emitted.</param>
    /// <param name="step">How far an element is moved for a difference.</param>
    /// <param name="tolerance">The largest allowed |emitted - difference| / (1 + |difference|).</param>
    public static void Check(
        Func<Graph, IReadOnlyList<Value>, IReadOnlyList<Value>> network, Tensor<float>[] inputs, bool symbolicBatch = false, double step = 1e-2, double tolerance = 2e-3)
    {
        var plain = new Graph("plain");
        foreach (var output in network(plain, AddInputs(plain, inputs, symbolicBatch))) plain.AddOutput(output);
        var weights = GraphInterpreter.Run(plain, inputs).Select((output, i) => Random(100 + i, output.Shape)).ToArray();

        var trained = new Graph("trained");
        var parameters = AddInputs(trained, inputs, symbolicBatch);
        var loss = network(trained, parameters)
            .Select((output, i) => trained.Add(new ReduceSum(KeepDims: false), trained.Add(new Mul(), output, trained.AddConstant("weight", weights[i]))))
            .Aggregate((sum, term) => trained.Add(new Add(), sum, term));
        foreach (var gradient in Autodiff.Build(trained, loss, parameters)) trained.AddOutput(trained.Add(new Identity(), gradient));
        GraphVerifier.Verify(trained);
        var emitted = GraphInterpreter.Run(trained, inputs);

        for (var i = 0; i < inputs.Length; i++)
        {
            Assert.Equal(inputs[i].Shape, emitted[i].Shape);
            for (var k = 0; k < inputs[i].Length; k++)
            {
                var expected = (Loss(Moved(i, k, step)) - Loss(Moved(i, k, -step))) / (2 * step);
                var actual = emitted[i].As<float>().Data[k];
                Expect.That(Math.Abs(actual - expected) <= tolerance * (1 + Math.Abs(expected)), $"input {i}, element {k}: the emitted gradient is {actual}, the central difference {expected}\n{trained}");
            }
        }

        Tensor[] Moved(int input, int element, double by)
        {
            var moved = inputs.Select(tensor => tensor.Clone()).ToArray();
            moved[input].Data[element] += (float)by;
            return moved;
        }

        double Loss(Tensor[] at) => GraphInterpreter.Run(plain, at).Zip(weights, (output, weight) => output.As<float>().Data.Zip(weight.Data, (y, w) => (double)y * w).Sum()).Sum();
    }

    /// <summary>A tensor of seeded uniform values.</summary>
    public static Tensor<float> Random(int seed, Shape shape, double from = -1, double to = 1)
    {
        var random = new Random(seed);
        var tensor = Tensor.Zeros<float>(shape);
        for (var i = 0; i < tensor.Length; i++) tensor.Data[i] = (float)(from + (to - from) * random.NextDouble());
        return tensor;
    }

    /// <summary>A tensor of seeded values in [-3, 3] that keep at least 0.05 from each of <paramref name="kinks"/>, where a derivative jumps.</summary>
    public static Tensor<float> RandomAwayFrom(int seed, Shape shape, params float[] kinks)
    {
        var tensor = Random(seed, shape, -3, 3);
        for (var i = 0; i < tensor.Length; i++)
            foreach (var kink in kinks)
                if (Math.Abs(tensor.Data[i] - kink) < 0.05f) tensor.Data[i] = kink + 0.1f;
        return tensor;
    }

    private static Value[] AddInputs(Graph graph, Tensor<float>[] inputs, bool symbolicBatch) =>
        [.. inputs.Select((input, i) =>
        {
            var type = TensorType.Of(input);
            return graph.AddInput($"x{i}", symbolicBatch ? type.With([Dim.Named("N"), .. type.Dims.Skip(1)]) : type);
        })];
}
