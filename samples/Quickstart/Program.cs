using Pith;
using Pith.Compression.Data;
using Pith.Compression.Evaluation;
using Pith.Compression.Quantization;
using Pith.Compression.Recipes;
using Pith.Compression.Sparsity;
using Pith.Models;

// Usage: dotnet run [MODEL.onnx DATASET]; without arguments a fresh built-in network and built-in images.
var model = args.Length > 0 ? OnnxModel.Load(args[0]) : ModelCatalog.Find("cifar-resnet8").Build();
var images = DatasetCatalog.Open(args.Length > 1 ? args[1] : "procedural:seed=1,count=1000");

// README begins
var pruned = new PruneStep(new PruningSettings()).Apply(model, new StepContext { Stage = "prune" }).Graph;
var settings = new QuantizationSettings { Samples = 256 };
var int8 = new QuantizeStep(settings).Apply(pruned, new StepContext { Stage = "int8", TrainingData = images }).Graph;
OnnxModel.Save(int8, "net-sparse-int8.onnx");                  // Q/DQ ONNX: TensorRT, ONNX Runtime and OpenVINO take it

using var engine = EngineBuilder.Build(int8, new EngineOptions { MaxBatch = 8 });
using var context = engine.CreateContext();
var preprocessing = Preprocessing.FromJson(engine.Metadata[Preprocessing.MetadataKey]);
preprocessing.Apply(images.Load(0).Image!, context.Input<float>(engine.Inputs[0].Name)[..preprocessing.OutputShape(32, 32).Elements]);
context.Run(batch: 1);                                         // no allocation, no locks
Console.WriteLine($"class {TopKAccuracy.ArgMax(context.Output<float>(engine.Outputs[0].Name))}");
// README ends
