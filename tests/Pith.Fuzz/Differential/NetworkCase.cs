using System.Globalization;
using CsCheck;
using Pith.Fuzz.Campaign;

namespace Pith.Fuzz.Differential;

/// <summary>One step of a random network.</summary>
/// <param name="Motif">The motif's place in <see cref="MotifCatalog"/>.</param>
/// <param name="Seed">Decides everything about it.</param>
internal readonly record struct Step(int Motif, uint Seed);

/// <summary>A random network that must give the same through every path: interpreted, simplified, saved and read again, by reference loops, by fast kernels. Its parts are its steps.</summary>
internal sealed class NetworkCase(NetworkSettings settings, Step[] steps) : FuzzCase
{
    private const int MostSteps = 12;
    private const int MostShown = 8;

    private static readonly Gen<Step> s_step = Gen.Select(Gen.Int[0, MotifCatalog.All.Count - 1], Gen.UInt, (motif, seed) => new Step(motif, seed));

    public static FuzzFamily Family { get; } = new("differential", 250, SecondsPerCase: 30, Gen.Select(NetworkSettings.Any, s_step.Array[1, MostSteps], (settings, steps) => (FuzzCase)new NetworkCase(settings, steps)));

    public override int Parts => steps.Length;

    public override Failure? Check(IReadOnlyList<int> kept)
    {
        var sketch = Sketch(kept, out var failure);
        return failure ?? NetworkCheck.Of(new NetworkRun(sketch.Graph, [.. settings.Batches.Select(sketch.InputTensor)], settings.MaxBatch, settings.Threads, settings.Isa));
    }

    public override string Summary(IReadOnlyList<int> kept) => string.Join(" + ", kept.Select(i => MotifCatalog.All[steps[i].Motif].Name));

    public override string Describe(IReadOnlyList<int> kept)
    {
        var sketch = Sketch(kept, out _);
        return $"{settings with { Batches = [] }}, batches {string.Join(", ", settings.Batches)}\n{Summary(kept)}\n{GraphPrinter.Print(sketch.Graph)}{string.Concat(sketch.Graph.Constants.Select(Text))}";
    }

    /// <summary>The model, and a data set for each run with what the interpreter makes of it: for <c>pith compare model.onnx --test-data FOLDER</c>.</summary>
    public override void Save(IReadOnlyList<int> kept, string folder)
    {
        var sketch = Sketch(kept, out _);
        OnnxModel.Save(sketch.Graph, Path.Combine(folder, "model.onnx"));
        for (var run = 0; run < settings.Batches.Count; run++)
        {
            var data = Directory.CreateDirectory(Path.Combine(folder, $"test_data_set_{run}")).FullName;
            var input = sketch.InputTensor(settings.Batches[run], run);
            var outputs = GraphInterpreter.Run(sketch.Graph, [input]);
            OnnxTensor.Save(Path.Combine(data, "input_0.pb"), input, sketch.Graph.Inputs[0].Name);
            for (var i = 0; i < outputs.Length; i++) OnnxTensor.Save(Path.Combine(data, $"output_{i}.pb"), outputs[i], sketch.Graph.Outputs[i].Name);
        }
    }

    // The first elements of a constant.
    private static string Text(Value constant) => $"  {constant}: {string.Join(", ", constant.Constant!.ConvertTo(DataType.Float64).As<double>().Data.Take(MostShown).Select(element => element.ToString("R", CultureInfo.InvariantCulture)))}{(constant.Constant!.Length > MostShown ? ", …" : "")}\n";

    private NetworkSketch Sketch(IReadOnlyList<int> kept, out Failure? failure)
    {
        var sketch = new NetworkSketch(settings);
        failure = null;
        foreach (var i in kept)
        {
            try
            {
                sketch.Grow(MotifCatalog.All[steps[i].Motif], steps[i].Seed);
            }
            catch (Exception e)
            {
                // Motifs make valid graphs only: what inference refuses, or reference loops cannot evaluate, is a mistake in one of them.
                failure = new Failure($"motif '{MotifCatalog.All[steps[i].Motif].Name}': {Texts.Kind(e)}", e.ToString());
                break;
            }
        }
        sketch.AddOutputs();
        return sketch;
    }
}
