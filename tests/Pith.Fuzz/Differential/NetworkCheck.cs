using Pith.Fuzz.Campaign;
using Pith.Fuzz.Differential.Errors;
using Pith.Passes;
using Pith.TestKit;

namespace Pith.Fuzz.Differential;

/// <summary>Runs a network along every path and compares with the interpreter.</summary>
internal sealed class NetworkCheck(NetworkSketch sketch, NetworkSettings settings)
{
    private readonly Graph _graph = sketch.Graph;

    public Failure? Run()
    {
        var inputs = settings.Batches.Select((batch, run) => sketch.InputTensor(batch, run)).ToArray();
        Bounded[][] wanted;
        try
        {
            wanted = [.. inputs.Select(input => BoundedInterpreter.Run(_graph, [input]))];
        }
        catch (Exception e)
        {
            return new Failure($"interpreter: {Texts.Kind(e)}", e.ToString());
        }
        return Interpreted("read again", () => OnnxModel.Load(OnnxModel.ToBytes(_graph)), inputs, wanted, exactly: true)
            ?? Interpreted("simplified", Simplified, inputs, wanted, exactly: false)
            ?? Engine("reference engine", new EngineOptions { ReferenceOnly = true, Threads = 1 }, inputs, wanted)
            ?? Engine("literal engine", new EngineOptions { Literal = true, Threads = settings.Threads }, inputs, wanted)
            ?? Engine($"engine", new EngineOptions { Threads = settings.Threads }, inputs, wanted);
    }

    private Graph Simplified()
    {
        var copy = _graph.Clone();
        PassRunner.RunToFixpoint(copy, Pipelines.Simplify);
        return copy;
    }

    private static Failure? Interpreted(string path, Func<Graph> make, Tensor[] inputs, Bounded[][] wanted, bool exactly)
    {
        try
        {
            var graph = make();
            for (var run = 0; run < inputs.Length; run++)
                if (Compare(path, graph, GraphInterpreter.Run(graph, [inputs[run]]), wanted[run], exactly, $"run {run}, batch {inputs[run].Shape[0]}") is { } failure) return failure;
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

    private Failure? Engine(string path, EngineOptions options, Tensor[] inputs, Bounded[][] wanted)
    {
        try
        {
            using var engine = EngineBuilder.Build(_graph, options with { MaxBatch = settings.MaxBatch, TimeTactics = false }, TestDevice.At(settings.Isa, options.Threads));
            using var context = engine.CreateContext();
            for (var run = 0; run < inputs.Length; run++)
            {
                var batch = settings.Symbolic ? settings.Batches[run] : engine.MaxBatch;
                // A network that holds its batch in a constant runs at that batch only.
                if (settings.Symbolic && !engine.Network.Shapes.IsFixed is false && batch != engine.MaxBatch) continue;
                context.SetInput("x", inputs[run]);
                context.Run(batch);
                var outputs = engine.Outputs.Select(output => context.OutputTensor(output.Name)).ToArray();
                var layers = string.Join('\n', engine.Layers.Select(layer => $"  {layer.Tactic}: {layer.Spec} ({string.Join(", ", layer.Nodes)})"));
                if (Compare(path, _graph, outputs, wanted[run], false, $"run {run}, batch {batch}\n{layers}") is { } failure) return failure;
            }
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

    private static Failure? Compare(string path, Graph graph, Tensor[] got, Bounded[] wanted, bool exactly, string where)
    {
        for (var i = 0; i < got.Length; i++)
            if (wanted[i].Difference(got[i], exactly) is { } difference)
                return new Failure($"{path} differs in {graph.Outputs[i].Producer?.Op.Schema.Name} {graph.Outputs[i].Type.DataType.ShortName()}", $"output '{graph.Outputs[i].Name}', {where}\n{difference}");
        return null;
    }
}
