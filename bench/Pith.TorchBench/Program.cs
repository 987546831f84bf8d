using System.Diagnostics;
using System.Globalization;
using Pith.TorchBench;
using TorchSharp;
using static TorchSharp.torch;

// Times training steps of PyTorch (libtorch): forward, loss, backward, SGD with momentum, on one batch of random images. One process for each measurement; see run.sh.
if (args.Length != 5 || !int.TryParse(args[1], out var batch) || args[2] is not ("fp32" or "bf16") || args[3] is not ("nchw" or "nhwc") || !double.TryParse(args[4], NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds))
{
    Console.Error.WriteLine("Usage: Pith.TorchBench NETWORK BATCH fp32|bf16 nchw|nhwc SECONDS   NETWORK: cifar-resnet20, cifar-resnet18, resnet50, mobilenetv2.");
    return 2;
}
set_num_threads(Environment.ProcessorCount);
random.manual_seed(1);
var type = args[2] == "bf16" ? ScalarType.BFloat16 : ScalarType.Float32;
var (network, resolution, classes) = Networks.Build(args[0]);
network.to(type);
network.train();
if (args[3] == "nhwc")
    foreach (var parameter in network.parameters())
        if (parameter.dim() == 4) using (no_grad()) parameter.set_(ChannelsLast(parameter));
var images = randn([batch, 3, resolution, resolution]).to(type);
if (args[3] == "nhwc") images = ChannelsLast(images);
var labels = randint(0, classes, [batch], dtype: ScalarType.Int64);
var optimizer = optim.SGD(network.parameters(), 0.01, momentum: 0.9, weight_decay: 1e-4);

var loss = 0f;
for (var i = 0; i < 2; i++) loss = Step();
var times = new List<double>();
var clock = Stopwatch.StartNew();
while (clock.Elapsed.TotalSeconds < seconds || times.Count < 3)
{
    var start = Stopwatch.GetTimestamp();
    loss = Step();
    times.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
}
times.Sort();
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"torch {args[0]} batch {batch} {args[2]} {args[3]}: median {batch / times[times.Count / 2]:F1} images/s, best {batch / times[0]:F1}, worst {batch / times[^1]:F1}, {times.Count} steps, loss {loss:F3}"));
return 0;

float Step()
{
    using var scope = NewDisposeScope();
    optimizer.zero_grad();
    var error = nn.functional.cross_entropy(network.forward(images).to(ScalarType.Float32), labels);
    error.backward();
    optimizer.step();
    return error.item<float>();
}

// The same values, pixel by pixel in memory.
static Tensor ChannelsLast(Tensor tensor) => tensor.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
