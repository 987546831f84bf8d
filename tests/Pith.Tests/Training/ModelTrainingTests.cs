using Pith.Models;
using Pith.Tests.Gradients;
using Pith.Training;

namespace Pith.Tests.Training;

/// <summary>Whole networks of the catalogue in training form: the loss along the emitted gradient must change as the gradient says.</summary>
public class ModelTrainingTests
{
    [Theory]
    [InlineData("cifar-resnet8", 16, false)]
    [InlineData("cifar-resnet8", 16, true)]
    // Statistics of four images at 1x1 pixels make a deep network's loss too rough for differences.
    [InlineData("mobilenetv2", 32, true)]
    [InlineData("efficientnet-b0", 32, true)]
    public void The_gradient_of_a_network_predicts_how_the_loss_changes(string model, int resolution, bool freezeBatchNorm)
    {
        var network = ModelCatalog.Find(model).Build(new ModelOptions { Resolution = resolution, Classes = 5 });
        var training = TrainingGraph.Build(network, new() { FreezeBatchNorm = freezeBatchNorm });
        var images = GradientCheck.Random(1, new Shape(4, 3, resolution, resolution));
        var labels = Tensor.Vector(0, 1, 2, 3);
        var start = training.Parameters.Select(parameter => parameter.Initial).ToArray();
        var gradients = Run(start)[2..(2 + start.Length)].Select(gradient => gradient.As<float>()).ToArray();

        // Along the gradient itself the loss changes most; the step is such that it should change by 0.02 in all.
        var slope = gradients.Sum(gradient => gradient.Data.Sum(g => (double)g * g));
        double LossAt(double change) => Run([.. start.Zip(gradients, (tensor, gradient) =>
            Tensor.Create(tensor.Shape, tensor.Data.Zip(gradient.Data, (x, g) => (float)(x + change / slope * g)).ToArray()))])[0].As<float>().Data[0];
        Assert.Equal(0.02, LossAt(0.01) - LossAt(-0.01), 0.0004);

        Tensor[] Run(IReadOnlyList<Tensor> parameters) => GraphInterpreter.Run(training.Graph, [images, labels, .. parameters]);
    }
}
