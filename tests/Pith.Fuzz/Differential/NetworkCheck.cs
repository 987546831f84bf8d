using Pith.Fuzz.Campaign;
using Pith.Fuzz.Differential.Errors;
using Pith.Passes;
using Pith.TestKit;

namespace Pith.Fuzz.Differential;

/// <summary>Runs a network along every path and compares with the interpreter, whose results are stated with the error that correct paths may have.</summary>
internal sealed class NetworkCheck
{
    private readonly NetworkRun _run;
    private Bounded[][] _wanted = [];

    private NetworkCheck(NetworkRun run) => _run = run;

    /// <summary>The first path that differs; null when there is none.</summary>
    public static Failure? Of(NetworkRun run)
    {
        var check = new NetworkCheck(run);
        return Guarded("interpreter", () => check._wanted = [.. run.Inputs.Select(input => BoundedInterpreter.Run(run.Graph, [input]))])
            ?? check.Interpreted("read again", () => OnnxModel.Load(OnnxModel.ToBytes(run.Graph)))
            ?? check.Interpreted("simplified", check.Simplified)
            ?? check.OnnxRuntime()
            ?? check.Engine("reference engine", new EngineOptions { ReferenceOnly = true, Threads = 1 })
            ?? check.Engine("literal engine", new EngineOptions { Literal = true, Threads = run.Threads })
            ?? check.Engine("engine", new EngineOptions { Threads = run.Threads });
    }

    private Graph Simplified()
    {
        var copy = _run.Graph.Clone();
        PassRunner.RunToFixpoint(copy, Pipelines.Simplify);
        return copy;
    }

    private Failure? Interpreted(string path, Func<Graph> make)
    {
        Failure? failure = null;
        return Guarded(path, () =>
        {
            var graph = make();
            for (var run = 0; run < _run.Inputs.Count && failure is null; run++) failure = Compare(path, GraphInterpreter.Run(graph, [_run.Inputs[run]]), run);
        }) ?? failure;
    }

    private Failure? OnnxRuntime()
    {
        if (!OnnxRuntimeOracle.IsThere || _run.Graph.Nodes.Any(OnnxRuntimeOracle.DiffersOnPurpose)) return null;
        var file = Path.Combine(Path.GetTempPath(), $"pith-fuzz-{Environment.ProcessId}.onnx");
        Failure? failure = null;
        return Guarded("saved for ONNX Runtime", () =>
        {
            OnnxModel.Save(_run.Graph, file);
            var got = OnnxRuntimeOracle.Run(file, _run.Inputs[0].Shape[0], _run.Graph.Outputs.Count, _run.Inputs[0]);
            if (got is not null && got.All(tensor => tensor is not null)) failure = Compare("ONNX Runtime", [.. got.Select(tensor => tensor!)], 0);
        }) ?? failure;
    }

    private Failure? Engine(string path, EngineOptions options)
    {
        Failure? failure = null;
        return Guarded(path, () =>
        {
            using var engine = EngineBuilder.Build(_run.Graph, options with { MaxBatch = _run.MaxBatch, TimeTactics = false }, TestDevice.At(_run.Isa, options.Threads));
            using var context = engine.CreateContext();
            for (var run = 0; run < _run.Inputs.Count && failure is null; run++)
            {
                var isBatched = !_run.Graph.Inputs[0].Type[0].IsFixed;
                var batch = isBatched ? _run.Inputs[run].Shape[0] : engine.MaxBatch;
                // A network that holds its batch in a constant runs at that batch only.
                if (isBatched && engine.Network.Shapes.IsFixed && batch != engine.MaxBatch) continue;
                context.SetInput(engine.Inputs[0].Name, _run.Inputs[run]);
                context.Run(batch);
                failure = Compare(path, [.. engine.Outputs.Select(output => context.OutputTensor(output.Name))], run, Layers(engine));
            }
        }) ?? failure;
    }

    private static string Layers(Engine engine) => string.Join('\n', engine.Layers.Select(layer => $"  {layer.Tactic}: {layer.Spec} ({string.Join(", ", layer.Nodes)})"));

    private Failure? Compare(string path, Tensor[] got, int run, string layers = "")
    {
        for (var i = 0; i < got.Length; i++)
        {
            if (_wanted[run][i].Difference(got[i]) is not { } difference) continue;
            var output = _run.Graph.Outputs[i];
            return new Failure($"{path} differs in {output.Producer?.Op.Schema.Name} {output.Type.DataType.ShortName()}", $"output '{output.Name}', run {run}, batch {_run.Inputs[run].Shape[0]}\n{layers}\n{difference}");
        }
        return null;
    }

    private static Failure? Guarded(string path, Action action)
    {
        try
        {
            action();
            return null;
        }
        catch (PithException e) when (ListedRefusals.Contain(e.Message))
        {
            return null;
        }
        catch (Exception e)
        {
            return new Failure($"{path}: {Texts.Kind(e)}", e.ToString());
        }
    }
}
