using Pith;
using Pith.Compression.Data;
using Pith.Compression.Quantization;
using Pith.Models;

// Usage: dotnet run [MODEL.onnx DATASET]; without arguments a fresh built-in network and built-in images.
var model = args.Length > 0 ? OnnxModel.Load(args[0]) : ModelCatalog.Find("cifar-resnet8").Build();
var images = DatasetCatalog.Open(args.Length > 1 ? args[1] : "procedural:seed=1,count=1000");

// README begins
var sparse = Pruner.Prune(model).Graph;                        // then Trainer.FineTune(sparse, images, …)
var int8 = Quantizer.Quantize(sparse, images, new QuantizationSettings { Samples = 256 }).Graph;
OnnxModel.Save(int8, "net-sparse-int8.onnx");                  // Q/DQ ONNX: TensorRT, ONNX Runtime and OpenVINO take it

using var classifier = ImageClassifier.Load("net-sparse-int8.onnx");   // or a plan; an image or a file in, labelled classes out
foreach (var (_, label, probability, _) in classifier.Classify(images.Load(0).Image!, top: 3)) Console.WriteLine($"{label}: {probability:P1}");

using var engine = EngineBuilder.Build(int8, new EngineOptions { MaxBatch = 8 });   // any network, any inputs
using var context = engine.CreateContext();                    // one caller at a time; the engine is shared
context.Input<float>(engine.Inputs[0].Name).Clear();
context.Run(batch: 8);                                         // no allocation, no locks
var scores = context.Output<float>(engine.Outputs[0].Name);
// README ends
Console.WriteLine($"{scores.Length} scores of 8 images");
