using CsCheck;
using Pith.Fuzz.Campaign;
using Pith.Fuzz.Differential;
using Pith.Fuzz.Differential.Motifs;
using Pith.Ops;
using Pith.TestKit;

namespace Pith.Fuzz.Pipeline;

/// <summary>
/// A random small classifier through the whole workflow: pruned, trained, quantized, written and read again, run along every path and by ONNX Runtime, saved as a plan and loaded. Its parts are the
/// steps of the network, then the steps of the workflow.
/// </summary>
internal sealed class PipelineCase(PipelineSettings settings, Step[] steps, int[] workflow) : FuzzCase
{
    private const int Images = 12;

    // What classifiers are made of. Quantization is the workflow's.
    private static readonly Motif[] s_motifs =
    [
        .. ConvolutionMotifs.All, .. PoolingMotifs.All.Where(motif => !motif.Name.Contains("indices", StringComparison.Ordinal)), .. BlockMotifs.All, .. BlockMotifs.All,
        .. NormalizationMotifs.All.Where(motif => motif.Name.Contains("batch norm", StringComparison.Ordinal)),
        .. ElementwiseMotifs.All.Where(motif => motif.Name is "relu" or "silu" or "clip" or "hard swish of parts" or "affine per channel" or "arithmetic of two values" or "activation"),
        .. MovementMotifs.All.Where(motif => motif.Name is "channel shuffle" or "concat" or "slice" or "pad" or "transpose within an image" or "identity" or "split"),
    ];

    // The steps that may come before quantization, in this order; the last is always quantize or qat.
    private static readonly string[] s_workflow = ["prune", "finetune", "qat"];

    public static FuzzFamily Family { get; } = new("pipeline", 40, SecondsPerCase: 60,
        Gen.Select(PipelineSettings.Any, Gen.Select(Gen.Int[0, s_motifs.Length - 1], Gen.UInt, (motif, seed) => new Step(motif, seed)).Array[1, 8], Gen.Int[0, 2].Array[0, 3], (settings, steps, workflow) => (FuzzCase)new PipelineCase(settings, steps, [.. workflow.Distinct().Order()])));

    public override int Parts => steps.Length + workflow.Length;

    public override string Summary(IReadOnlyList<int> kept) => string.Join(" + ", kept.Select(i => i < steps.Length ? s_motifs[steps[i].Motif].Name : s_workflow[workflow[i - steps.Length]]));

    public override string Describe(IReadOnlyList<int> kept) => $"{settings}\n{Summary(kept)}\n{GraphPrinter.Print(Classifier(kept).Graph)}";

    public override void Save(IReadOnlyList<int> kept, string folder) => OnnxModel.Save(Classifier(kept).Graph, Path.Combine(folder, "model.onnx"));

    public override Failure? Check(IReadOnlyList<int> kept)
    {
        var stage = "classifier";
        try
        {
            var sketch = Classifier(kept);
            var graph = sketch.Graph;
            var order = new ChannelOrderWatch();
            foreach (var step in Workflow(kept))
            {
                stage = step.Kind;
                graph = step.Apply(graph, new StepContext { Stage = stage, TrainingData = new RandomImages(Images, settings.Channels, settings.Height, settings.Width, settings.Classes), Threads = settings.Network.Threads, Events = order }).Graph;
                SparsityRecord.Verify(graph, stage);
                if (order.Changed is { } change) return new Failure("another order of channels changes the network", change);
            }
            stage = "run";
            var inputs = settings.Network.Batches.Select(sketch.InputTensor).ToArray();
            return NetworkCheck.Of(new NetworkRun(graph, inputs, settings.Network.MaxBatch, settings.Network.Threads, settings.Network.Isa)) ?? SavedAgain(graph) ?? Planned(graph, inputs);
        }
        catch (PithException e) when (ListedRefusals.Contain(e.Message))
        {
            return null;
        }
        catch (Exception e)
        {
            return new Failure($"{stage}: {Texts.Kind(e)}", e.ToString());
        }
    }

    private NetworkSketch Classifier(IReadOnlyList<int> kept)
    {
        var sketch = new NetworkSketch(settings.Network, [settings.Channels, settings.Height, settings.Width]) { Quantizes = false };
        foreach (var i in kept.Where(i => i < steps.Length)) sketch.Grow(s_motifs[steps[i].Motif], steps[i].Seed);
        var last = sketch.Values.Last(value => NetworkSketch.IsFloat(value) && NetworkSketch.IsBatched(value));
        var flat = sketch.Add(new Flatten(), last.Type.Rank > 2 && NetworkSketch.IsMap(last) ? sketch.Add(new GlobalAveragePool(), last) : last);
        sketch.Graph.AddOutput(sketch.Add(new Gemm { TransB = true }, flat, sketch.Weight(new Shape(settings.Classes, flat.Type[1].Size), flat.Type[1].Size), sketch.Weight(new Shape(settings.Classes))));
        return sketch;
    }

    private IEnumerable<RecipeStep> Workflow(IReadOnlyList<int> kept)
    {
        var chosen = kept.Where(i => i >= steps.Length).Select(i => s_workflow[workflow[i - steps.Length]]).ToArray();
        if (chosen.Contains("prune")) yield return new PruneStep(settings.Pruning);
        if (chosen.Contains("finetune")) yield return new FineTuneStep(settings.Training);
        yield return chosen.Contains("qat") ? new QatStep(settings.Quantization, settings.Training) : new QuantizeStep(settings.Quantization);
    }

    // What was read again is written the same.
    private static Failure? SavedAgain(Graph graph)
    {
        var bytes = OnnxModel.ToBytes(graph);
        var again = OnnxModel.ToBytes(OnnxModel.Load(bytes));
        return bytes.AsSpan().SequenceEqual(again) ? null : new Failure("a model that was read is written otherwise", $"{bytes.Length} bytes, then {again.Length}");
    }

    private Failure? Planned(Graph graph, Tensor[] inputs)
    {
        var path = Path.Combine(Path.GetTempPath(), $"pith-fuzz-{Environment.ProcessId}.plan");
        var options = new EngineOptions { MaxBatch = settings.Network.MaxBatch, Threads = settings.Network.Threads, TimeTactics = false };
        using var engine = EngineBuilder.Build(graph, options);
        engine.Save(path);
        using var loaded = Engine.Load(path);
        foreach (var input in inputs)
            if (!Output(engine, input).AsSpan().SequenceEqual(Output(loaded, input))) return new Failure("the plan gives other bits than the engine", $"batch {input.Shape[0]}");
        return null;
    }

    /// <summary>Pruning keeps the order of channels when the outputs would change, and says so; that they would is a fault all the same.</summary>
    private sealed class ChannelOrderWatch : IProgress<PithEvent>
    {
        public string? Changed { get; private set; }

        public void Report(PithEvent value)
        {
            if (value is Warning warning && warning.Message.Contains("with other orders its output", StringComparison.Ordinal)) Changed = warning.Message;
        }
    }

    private static byte[] Output(Engine engine, Tensor input)
    {
        using var context = engine.CreateContext();
        context.SetInput(engine.Inputs[0].Name, input);
        context.Run(input.Shape[0]);
        return context.OutputTensor(engine.Outputs[0].Name).Bytes.ToArray();
    }
}
