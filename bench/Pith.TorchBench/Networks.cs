using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Pith.TorchBench;

/// <summary>The networks of Pith's catalog that training is compared on, layer by layer the same, in TorchSharp's modules.</summary>
internal static class Networks
{
    /// <summary>The network and the height and width of its images.</summary>
    /// <exception cref="ArgumentException">No network has this name.</exception>
    public static (Module<Tensor, Tensor> Network, int Resolution, int Classes) Build(string name) => name switch
    {
        "cifar-resnet20" => (new ResNet([3, 3, 3], 16, isSmall: true, bottleneck: false, 10), 32, 10),
        "cifar-resnet18" => (new ResNet([2, 2, 2, 2], 64, isSmall: true, bottleneck: false, 10), 32, 10),
        "resnet50" => (new ResNet([3, 4, 6, 3], 64, isSmall: false, bottleneck: true, 1000), 224, 1000),
        "mobilenetv2" => (MobileNetV2(1000), 224, 1000),
        _ => throw new ArgumentException($"Unknown network '{name}'. Expected cifar-resnet20, cifar-resnet18, resnet50 or mobilenetv2."),
    };

    // Sandler et al. 2018, table 2: expansion, channels, blocks and stride of the first block.
    private static Sequential MobileNetV2(int classes)
    {
        var layers = new List<Module<Tensor, Tensor>>();
        ConvNorm(layers, 3, 32, 3, 2, activation: ReLU6());
        var channels = 32;
        foreach (var (expansion, outputs, blocks, stride) in new[] { (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1) })
            for (var block = 0; block < blocks; block++, channels = outputs) layers.Add(InvertedResidual(channels, outputs, expansion, block == 0 ? stride : 1));
        ConvNorm(layers, channels, 1280, 1, 1, activation: ReLU6());
        layers.AddRange([AdaptiveAvgPool2d(1), Flatten(), Linear(1280, classes)]);
        return Sequential(layers);
    }

    private static Module<Tensor, Tensor> InvertedResidual(int inputs, int outputs, int expansion, int stride)
    {
        var inner = inputs * expansion;
        var branch = new List<Module<Tensor, Tensor>>();
        if (expansion != 1) ConvNorm(branch, inputs, inner, 1, 1, activation: ReLU6());
        ConvNorm(branch, inner, inner, 3, stride, groups: inner, activation: ReLU6());
        ConvNorm(branch, inner, outputs, 1, 1);
        return stride == 1 && inputs == outputs ? new Residual(Sequential(branch), null, null) : Sequential(branch);
    }

    private static void ConvNorm(List<Module<Tensor, Tensor>> layers, int inputs, int outputs, int kernel, int stride, int groups = 1, Module<Tensor, Tensor>? activation = null)
    {
        layers.Add(Conv2d(inputs, outputs, kernel, stride, padding: kernel / 2, groups: groups, bias: false));
        layers.Add(BatchNorm2d(outputs));
        if (activation is not null) layers.Add(activation);
    }

    // He et al. 2015; the bottleneck's stride is that of its 3x3 convolution.
    private sealed class ResNet : Module<Tensor, Tensor>
    {
        private readonly Sequential _layers;

        public ResNet(int[] blocks, int width, bool isSmall, bool bottleneck, int classes) : base(nameof(ResNet))
        {
            var layers = new List<Module<Tensor, Tensor>>();
            ConvNorm(layers, 3, width, isSmall ? 3 : 7, isSmall ? 1 : 2, activation: ReLU(inplace: true));
            if (!isSmall) layers.Add(MaxPool2d(3, 2, 1));
            var channels = width;
            for (var stage = 0; stage < blocks.Length; stage++)
                for (var block = 0; block < blocks[stage]; block++)
                    layers.Add(Block(ref channels, width << stage, bottleneck, block == 0 && stage > 0 ? 2 : 1));
            layers.AddRange([AdaptiveAvgPool2d(1), Flatten(), Linear(channels, classes)]);
            _layers = Sequential(layers);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => _layers.forward(input);

        private static Residual Block(ref int channels, int width, bool bottleneck, int stride)
        {
            var outputs = bottleneck ? 4 * width : width;
            var branch = new List<Module<Tensor, Tensor>>();
            if (bottleneck)
            {
                ConvNorm(branch, channels, width, 1, 1, activation: ReLU(inplace: true));
                ConvNorm(branch, width, width, 3, stride, activation: ReLU(inplace: true));
                ConvNorm(branch, width, outputs, 1, 1);
            }
            else
            {
                ConvNorm(branch, channels, width, 3, stride, activation: ReLU(inplace: true));
                ConvNorm(branch, width, width, 3, 1);
            }
            var shortcut = new List<Module<Tensor, Tensor>>();
            if (stride != 1 || channels != outputs) ConvNorm(shortcut, channels, outputs, 1, stride);
            channels = outputs;
            return new Residual(Sequential(branch), shortcut.Count == 0 ? null : Sequential(shortcut), ReLU(inplace: true));
        }
    }

    // activation(branch(x) + shortcut(x)).
    private sealed class Residual : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor> _branch;
        private readonly Module<Tensor, Tensor>? _shortcut, _activation;

        public Residual(Module<Tensor, Tensor> branch, Module<Tensor, Tensor>? shortcut, Module<Tensor, Tensor>? activation) : base(nameof(Residual))
        {
            (_branch, _shortcut, _activation) = (branch, shortcut, activation);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            var sum = _branch.forward(input).add_(_shortcut is null ? input : _shortcut.forward(input));
            return _activation is null ? sum : _activation.forward(sum);
        }
    }
}
