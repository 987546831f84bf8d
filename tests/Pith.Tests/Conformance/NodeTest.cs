using Pith.Onnx;
using Pith.TestKit;

namespace Pith.Tests.Conformance;

/// <summary>One of ONNX's own node tests: a model of one op (or of its expansion into simpler ones), inputs and expected outputs.</summary>
internal static class NodeTest
{
    // The tolerances of ONNX's own runner.
    private const double RelativeTolerance = 1e-3;
    private const double AbsoluteTolerance = 1e-5;

    /// <summary>The folder of all node tests, or null when it is absent.</summary>
    public static string? Root { get; } = SharedData.Path("onnx-node-tests");

    /// <summary>Runs the case with the reference interpreter; returns when every output is as expected.</summary>
    /// <exception cref="PithException">The model cannot be imported or run.</exception>
    /// <exception cref="ConformanceException">An output differs.</exception>
    public static void Run(string name)
    {
        var folder = Path.Combine(Root!, name);
        foreach (var dataSet in Directory.GetDirectories(folder, "test_data_set_*").Order(StringComparer.Ordinal))
        {
            var (graph, inputs) = Import(Path.Combine(folder, "model.onnx"), dataSet);
            var expected = ReadAll(dataSet, "output").ToArray();
            var actual = GraphInterpreter.Run(graph, inputs);
            if (actual.Length != expected.Length) throw new ConformanceException($"expected {expected.Length} outputs, got {actual.Length}");
            for (var i = 0; i < expected.Length; i++) Compare(expected[i], actual[i], graph.Outputs[i].Name);
        }
    }

    /// <summary>The case's model.</summary>
    /// <exception cref="PithException">The model cannot be imported.</exception>
    public static Graph Import(string name) => Import(Path.Combine(Root!, name, "model.onnx"), Path.Combine(Root!, name, "test_data_set_0")).Graph;

    // Node tests feed shapes, axes and sizes as inputs; Pith infers shapes at import, so those are bound: as few inputs as will do.
    private static (Graph Graph, Tensor[] Inputs) Import(string path, string dataSet)
    {
        var names = ModelProto.Parser.ParseFrom(File.ReadAllBytes(path)).Graph.Input.Select(input => input.Name).ToArray();
        PithException? first = null;
        foreach (var free in new[] { names.Length, 1, 0 })
        {
            try
            {
                var graph = OnnxModel.Load(path, new OnnxImportOptions { BoundInputs = names.Skip(free).Zip(ReadAll(dataSet, "input").Skip(free)).ToDictionary() });
                return (graph, ReadAll(dataSet, "input").Take(free).ToArray());
            }
            catch (PithException failure)
            {
                first ??= failure;
            }
        }
        throw first!;
    }

    // Lazy: a case whose model is refused may have data that is no tensor.
    private static IEnumerable<Tensor> ReadAll(string folder, string kind) =>
        Directory.GetFiles(folder, kind + "_*.pb")
            .OrderBy(path => int.Parse(Path.GetFileNameWithoutExtension(path).Split('_')[1]))
            .Select(path => TensorReader.Read(TensorProto.Parser.ParseFrom(File.ReadAllBytes(path)), Path.GetFileName(path), ExternalData.None));

    private static void Compare(Tensor expected, Tensor actual, string name)
    {
        if (actual.DataType != expected.DataType || actual.Shape != expected.Shape) throw new ConformanceException($"output '{name}': expected {expected}, got {actual}");
        if (!expected.DataType.IsFloat())
        {
            if (!expected.Bytes.SequenceEqual(actual.Bytes)) throw new ConformanceException($"output '{name}' ({expected}) differs");
            return;
        }
        var (wanted, got) = (expected.ConvertTo(DataType.Float64).As<double>().Data, actual.ConvertTo(DataType.Float64).As<double>().Data);
        for (var i = 0; i < wanted.Length; i++)
            if (!wanted[i].Equals(got[i]) && !(Math.Abs(wanted[i] - got[i]) <= AbsoluteTolerance + RelativeTolerance * Math.Abs(wanted[i])))
                throw new ConformanceException($"output '{name}' ({expected}), element {i}: expected {wanted[i]}, got {got[i]}");
    }
}

/// <summary>A node test ran and gave a wrong result.</summary>
internal sealed class ConformanceException(string message) : Exception(message);
