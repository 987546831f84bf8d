using CsCheck;
using Google.Protobuf;
using Pith.Fuzz.Differential;
using Pith.Onnx;
using Pith.Ops;
using Pith.Passes;
using Pith.Plans;

namespace Pith.Fuzz.Hostile;

/// <summary>Models and plans.</summary>
internal static class ModelTargets
{
    private const int Models = 48;
    private const long MostRun = 100_000;

    private static readonly string s_path = Path.Combine(Path.GetTempPath(), $"pith-fuzz-{Environment.ProcessId}.valid.plan");

    private static readonly Lazy<byte[][]> s_models = new(() => [.. Enumerable.Range(1, 2 * Models).Select(seed => Model((uint)seed)).OfType<byte[]>().Take(Models)]);
    private static readonly Lazy<byte[][]> s_plans = new(() => [.. s_models.Value.Take(4).Select(Plan)]);

    private static readonly byte[][] s_tensors =
    [
        TensorWriter.Write(Tensor.Vector(1f, 2f, 3f), "t").ToByteArray(), TensorWriter.Write(Tensor.Create(new Shape(2, 2), new long[] { 1, 2, 3, 4 }), "i").ToByteArray(),
        new TensorProto { Name = "f", DataType = 1, Dims = { 3 }, FloatData = { 1, 2, 3 } }.ToByteArray(), new TensorProto { Name = "b", DataType = 2, Dims = { 2 }, Int32Data = { 1, 2 } }.ToByteArray(),
    ];

    public static IReadOnlyList<HostileTarget> All { get; } =
    [
        new("model", number => s_models.Value[number % Models], bytes => Use(OnnxModel.Load(bytes))),
        new("model, by fields", number => s_models.Value[number % Models], bytes => Use(OnnxModel.Load(bytes))) { Damage = Fields },
        new("model, by fields again", number => s_models.Value[number % Models], bytes => Use(OnnxModel.Load(bytes))) { Damage = Fields },
        HostileTarget.OfFile("plan", ".plan", number => s_plans.Value[number % (uint)s_plans.Value.Length], Load),
        new("plan manifest", number => Manifest(s_plans.Value[number % (uint)s_plans.Value.Length]), LoadWithManifest),
        new("tensor file", HostileTarget.OneOf(s_tensors), bytes => _ = ReadTensor(bytes)),
    ];


    // Null for a network with an op that files cannot have.
    private static byte[]? Model(uint seed)
    {
        var random = new PCG(seed, seed);
        var settings = NetworkSettings.Any.Generate(random, null, out _) with { Numbers = NumberKind.Real };
        var sketch = new NetworkSketch(settings);
        foreach (var motif in Gen.Int[0, MotifCatalog.All.Count - 1].Array[3, 8].Generate(random, null, out _)) sketch.Grow(MotifCatalog.All[motif], seed);
        sketch.AddOutputs();
        return sketch.Graph.Nodes.Any(node => node.Op is SoftmaxOp { FlattensTrailingAxes: true }) ? null : OnnxModel.ToBytes(sketch.Graph);
    }

    private static byte[] Plan(byte[] model)
    {
        using var engine = EngineBuilder.Build(OnnxModel.Load(model), new EngineOptions { Threads = 1, TimeTactics = false });
        engine.Save(s_path);
        return File.ReadAllBytes(s_path);
    }

    private static byte[] Manifest(byte[] plan)
    {
        File.WriteAllBytes(s_path, plan);
        using var file = PlanFile.Open(s_path);
        return file.Manifest;
    }

    // With checksums that fit.
    private static void LoadWithManifest(byte[] manifest)
    {
        PlanFile.Write(s_path, manifest, OnnxModel.Load(s_models.Value[0]));
        Load(s_path);
    }

    private static byte[] Fields(byte[] valid, IReadOnlyList<Damage> damages)
    {
        var model = ModelProto.Parser.ParseFrom(valid);
        foreach (var damage in damages) MessageDamage.Apply(model, damage);
        return model.ToByteArray();
    }

    private static Tensor ReadTensor(byte[] bytes)
    {
        TensorProto proto;
        try
        {
            proto = TensorProto.Parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException)
        {
            return Tensor.Scalar(0f);
        }
        return TensorReader.Read(proto, "tensor", ExternalData.None);
    }

    private static void Load(string path)
    {
        using var engine = Pith.Engine.Load(path, new EngineOptions { Threads = 1, TimeTactics = false });
        Run(engine);
    }

    // What is done with a model that was read: it is printed, summed up, simplified, written, built and run.
    private static void Use(Graph graph)
    {
        _ = GraphPrinter.Print(graph);
        _ = GraphSummary.Of(graph);
        if (graph.Values.Any(value => NetworkSketch.Elements(value) > MostRun) || graph.Inputs.Any(input => input.Type.Dims.Skip(1).Any(dim => !dim.IsFixed))) return;
        PassRunner.RunToFixpoint(graph, Pipelines.Simplify);
        _ = OnnxModel.ToBytes(graph);
        using var engine = EngineBuilder.Build(graph, new EngineOptions { Threads = 1, TimeTactics = false });
        Run(engine);
    }

    private static void Run(Engine engine)
    {
        using var context = engine.CreateContext();
        context.Run();
        foreach (var (name, _) in engine.Outputs) _ = context.OutputTensor(name);
    }
}
