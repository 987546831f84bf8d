using Pith;
using Pith.Compression.Data;
using Pith.Compression.Evaluation;
using Pith.Compression.Quantization;
using Pith.Compression.Training;
using Pith.Models;

// The whole workflow, with built-in images and a small network: dotnet run --project samples/Workflow. docs/library.md explains it; a test compares both.
var train = DatasetCatalog.Open("procedural:seed=1,count=1000");
var test = DatasetCatalog.Open("procedural:seed=2,count=200");
var dense = ModelCatalog.Find("cifar-resnet8").Build();        // or OnnxModel.Load("net.onnx")

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) => { pressed.Cancel = true; stop.Cancel(); };
var work = new WorkOptions
{
    Validation = test,
    Progress = new WarningPrinter(),
    Cancellation = stop.Token,
};

var settings = new TrainingSettings { Epochs = 1, LearningRate = 0.05 };
var trained = Trainer.Train(dense, train, settings, work).Graph;

var pruned = Pruner.Prune(trained, options: work);
foreach (var layer in pruned.Sparsity.Take(3)) Console.WriteLine(layer);
var sparse = Trainer.FineTune(pruned.Graph, train, settings, work with { Teacher = trained }).Graph;

var quantization = new QuantizationSettings { Samples = 256 };
var int8 = Quantizer.Quantize(sparse, train, quantization, QuantizationEffort.Fast, work).Graph;
OnnxModel.Save(int8, "workflow-int8.onnx");

var preprocessing = Preprocessing.FromJson(int8.Metadata[Preprocessing.MetadataKey]);
foreach (var (name, graph) in new[] { ("dense", trained), ("2:4", sparse), ("2:4 INT8", int8) })
{
    var result = Evaluator.Run(graph, test, preprocessing, new EvaluationOptions { Cancellation = stop.Token });
    Console.WriteLine($"{name}: {result.Top1:P1} of {result.Count}");
}

using (var engine = EngineBuilder.Build(int8, new EngineOptions { MaxBatch = 8 })) engine.Save("workflow.plan");
using var classifier = ImageClassifier.Load("workflow.plan", new ImageClassifierOptions { MaxBatch = 8 });
var answers = classifier.Classify([.. Enumerable.Range(0, 8).Select(i => test.Load(i).Image!)], top: 1);
foreach (var answer in answers) Console.Write($"{answer[0].Label} ");
Console.WriteLine();

var own = new SampleDataset(Enumerable.Range(0, 64).Select(i => (Noise(i), i % 10)));
var calibrated = Quantizer.Quantize(sparse, own, quantization with { Samples = 64 }, QuantizationEffort.Fast).Graph;
Console.WriteLine($"{calibrated.Nodes.Count} nodes");

// [3, 32, 32] in place of data of your own: the network's input, for one sample.
static Tensor Noise(int seed)
{
    var random = new Random(seed);
    return Tensor.Create(new Shape(3, 32, 32), [.. Enumerable.Range(0, 3 * 32 * 32).Select(_ => random.NextSingle() - 0.5f)]);
}

internal sealed class WarningPrinter : IProgress<PithEvent>
{
    public void Report(PithEvent value)
    {
        if (value is Warning warning) Console.WriteLine(warning.Message);
    }
}
