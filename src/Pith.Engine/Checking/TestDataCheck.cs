namespace Pith;

/// <summary>One output of one run, against the data set.</summary>
/// <param name="Name">The output's name.</param>
/// <param name="Type">Type and shape that are expected.</param>
/// <param name="Mismatch">Where it is not as expected; null when it is.</param>
public sealed record OutputCheck(string Name, string Type, TensorMismatch? Mismatch);

/// <summary>What one runner made of one data set.</summary>
/// <param name="DataSet">The data set's name.</param>
/// <param name="Runner">The runner's name.</param>
/// <param name="Failure">Why there are no outputs; null when there are.</param>
/// <param name="Outputs">The outputs in order.</param>
public sealed record RunCheck(string DataSet, string Runner, string? Failure, IReadOnlyList<OutputCheck> Outputs)
{
    /// <summary>Whether every output is as expected.</summary>
    public bool Passes => Failure is null && Outputs.All(output => output.Mismatch is null);
}

/// <summary>Runs a model on test data in several ways and compares all outputs with those expected.</summary>
public static class TestDataCheck
{
    /// <summary>Checks one model; results come data set by data set, runner by runner, as they are made.</summary>
    /// <param name="model">The ONNX file.</param>
    /// <param name="folder">The folder of the data sets; see <see cref="TestDataSet.Folders"/>.</param>
    /// <param name="runners">The ways to run it; the caller disposes of them.</param>
    /// <param name="tolerance">How far outputs may be off.</param>
    /// <param name="options">How the model is imported; null for the defaults.</param>
    /// <exception cref="PithException">The model or the data cannot be read, or they do not belong together.</exception>
    public static IEnumerable<RunCheck> Run(string model, string folder, IReadOnlyList<NetworkRunner> runners, Tolerance tolerance, OnnxImportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(runners);
        // Before the data: a model of sequences is better refused as that than its files as damaged tensors.
        var declared = OnnxModel.ReadInputs(model, options);
        FedGraph? last = null;
        foreach (var path in TestDataSet.Folders(folder))
        {
            var inputs = TestDataSet.LoadInputs(path);
            if (inputs.Count != declared.Count) throw new PithException($"'{path}' has {inputs.Count} inputs, the network takes {declared.Count}: {SymbolSizes.Text(declared)}.");
            // Engines are kept as long as the graph is the same; it is when no tensor became part of it.
            last = last is { Bound.Count: 0 } && Fits(last.Graph, inputs) ? last with { Inputs = inputs } : FedGraph.Load(model, inputs, options);
            var outputs = TestDataSet.LoadOutputs(path);
            if (outputs.Count != last.Graph.Outputs.Count) throw new PithException($"'{path}' has {outputs.Count} outputs, the network has {last.Graph.Outputs.Count}: {string.Join(", ", last.Graph.Outputs.Select(output => $"{output.Name} {output.Type}"))}.");
            var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
            foreach (var runner in runners) yield return Check(runner, last, name, outputs, tolerance);
        }
    }

    private static RunCheck Check(NetworkRunner runner, FedGraph fed, string dataSet, IReadOnlyList<Tensor> expected, Tolerance tolerance)
    {
        try
        {
            var got = runner.Run(fed);
            return new RunCheck(dataSet, runner.Name, null, [.. got.Select((tensor, i) => new OutputCheck(fed.Graph.Outputs[i].Name, expected[i].ToString(), tolerance.Compare(expected[i], tensor)))]);
        }
        catch (PithException failure)
        {
            return new RunCheck(dataSet, runner.Name, failure.Message, []);
        }
    }

    private static bool Fits(Graph graph, IReadOnlyList<Tensor> inputs) => graph.Inputs.Count == inputs.Count && graph.Inputs.Zip(inputs).All(pair => pair.First.Type.Accepts(TensorType.Of(pair.Second)));
}
