using Pith.Compression.Data;
using Pith.Models;

namespace Pith.Soak;

/// <summary>A plan on disk, and what it answers at each batch.</summary>
/// <param name="Path">The plan.</param>
/// <param name="Answers">By batch - 1: a hash of all outputs for <see cref="Fill"/>'s inputs.</param>
internal sealed record Workload(string Path, IReadOnlyList<ulong> Answers)
{
    private const int LargestBatch = 6;

    /// <summary>Builds and saves plans of the models; without any, of two built-in networks, in float and quantized.</summary>
    public static IReadOnlyList<Workload> Prepare(IReadOnlyList<string> models, string folder)
    {
        var graphs = models.Count > 0 ? models.Select(model => OnnxModel.Load(model)) : BuiltIn();
        return [.. graphs.Select((graph, i) => Of(graph, System.IO.Path.Combine(folder, $"{i}.plan")))];
    }

    /// <summary>Writes the inputs that <see cref="Answers"/> belong to.</summary>
    public static void Fill(EngineContext context)
    {
        foreach (var (name, type) in context.Engine.Inputs)
        {
            if (type.DataType != DataType.Float32) continue;
            var random = new Random(1);
            foreach (ref var value in context.Input<float>(name)) value = random.NextSingle() * 4 - 2;
        }
    }

    /// <summary>A hash (FNV-1a) of the bits of all outputs of the last run.</summary>
    public static ulong Answer(EngineContext context)
    {
        var hash = 14695981039346656037ul;
        foreach (var (name, _) in context.Engine.Outputs)
            foreach (var part in context.OutputTensor(name).Bytes) hash = (hash ^ part) * 1099511628211ul;
        return hash;
    }

    private static IEnumerable<Graph> BuiltIn()
    {
        var images = DatasetCatalog.Open("procedural:seed=1,count=64");
        foreach (var name in (string[])["cifar-resnet8", "cifar-resnet20"])
        {
            var graph = ModelCatalog.Find(name).Build();
            yield return graph;
            yield return new QuantizeStep(new QuantizationSettings { Samples = 64 }).Apply(graph, new StepContext { Stage = "int8", TrainingData = images }).Graph;
        }
    }

    private static Workload Of(Graph graph, string path)
    {
        using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = LargestBatch, Threads = 2, TimeTactics = false });
        engine.Save(path);
        using var context = engine.CreateContext(1);
        Fill(context);
        var answers = new List<ulong>();
        for (var batch = 1; batch <= engine.MaxBatch; batch++)
        {
            if (engine.Inputs[0].Type.IsStatic && batch < engine.MaxBatch)
            {
                answers.Add(0);
                continue;
            }
            context.Run(batch);
            answers.Add(Answer(context));
        }
        return new Workload(path, answers);
    }
}
