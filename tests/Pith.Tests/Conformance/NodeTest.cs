
namespace Pith.Tests.Conformance;

/// <summary>One of ONNX's own node tests: a model of one op (or of its expansion into simpler ones), inputs and expected outputs.</summary>
internal static class NodeTest
{
    /// <summary>The folder of all node tests, or null when it is absent.</summary>
    public static string? Root { get; } = SharedData.Path("onnx-node-tests");

    /// <summary>Runs the case with the reference interpreter; returns when every output is as expected.</summary>
    /// <exception cref="PithException">The model cannot be imported or run.</exception>
    /// <exception cref="ConformanceException">An output differs.</exception>
    public static void Run(string name)
    {
        var folder = Path.Combine(Root!, name);
        foreach (var dataSet in TestDataSet.Folders(folder))
        {
            var fed = Load(folder, dataSet);
            var expected = TestDataSet.LoadOutputs(dataSet);
            var actual = GraphInterpreter.Run(fed.Graph, fed.Inputs);
            if (actual.Length != expected.Count) throw new ConformanceException($"expected {expected.Count} outputs, got {actual.Length}");
            for (var i = 0; i < expected.Count; i++)
                if (new Tolerance().Compare(expected[i], actual[i]) is { } mismatch) throw new ConformanceException($"output '{fed.Graph.Outputs[i].Name}' ({expected[i]}): {mismatch}");
        }
    }

    /// <summary>The case's model.</summary>
    /// <exception cref="PithException">The model cannot be imported.</exception>
    public static Graph Import(string name) => Load(Path.Combine(Root!, name), Path.Combine(Root!, name, "test_data_set_0")).Graph;

    private static FedGraph Load(string folder, string dataSet)
    {
        var model = Path.Combine(folder, "model.onnx");
        // Before the data: a model that is refused may have data that is not a tensor.
        _ = OnnxModel.ReadInputs(model);
        return FedGraph.Load(model, TestDataSet.LoadInputs(dataSet));
    }
}

/// <summary>A node test ran and gave a wrong result.</summary>
internal sealed class ConformanceException(string message) : Exception(message);
